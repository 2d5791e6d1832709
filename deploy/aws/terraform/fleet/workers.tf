locals {
  hook_name = "baton-drain"
  url       = var.certificate_arn == null ? "http://${aws_lb.this.dns_name}" : "https://${var.host_name}"
}

resource "aws_launch_template" "worker" {
  name                                 = "${var.name}-worker"
  image_id                             = "resolve:ssm:${var.image_parameter}"
  vpc_security_group_ids               = [aws_security_group.worker.id]
  instance_initiated_shutdown_behavior = "terminate"
  update_default_version               = true

  iam_instance_profile {
    arn = aws_iam_instance_profile.worker.arn
  }

  metadata_options {
    http_tokens = "required"
    # Two hops: a worker in a container on the instance gets its notices too.
    http_put_response_hop_limit = 2
    # So that a drained worker can name its group.
    instance_metadata_tags = "enabled"
  }

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size           = var.worker_volume_gigabytes
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }

  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "${var.name} worker" }
  }

  user_data = base64encode(templatefile("${path.module}/user-data/worker.sh.tftpl", {
    region                 = data.aws_region.current.name
    artifact_bucket        = var.artifact_bucket
    artifact_key           = var.artifact_key
    worker_token_parameter = var.worker_token_parameter
    worker_packages        = join(" ", var.worker_packages)
    coordinator_url        = local.url
    worker_slots           = var.worker_slots
    worker_queues          = join(",", var.worker_queues)
    exec_allow             = join(",", var.exec_allow)
    grace_period_seconds   = var.grace_period_seconds
  }))
}

# A changed template is for new instances; `aws autoscaling start-instance-refresh` replaces the old, each by a drain.
resource "aws_autoscaling_group" "workers" {
  name                    = "${var.name}-workers"
  vpc_zone_identifier     = var.private_subnet_ids
  min_size                = var.worker_minimum
  max_size                = var.worker_maximum
  capacity_rebalance      = true
  default_instance_warmup = 120
  health_check_type       = "EC2"
  metrics_granularity     = "1Minute"
  enabled_metrics         = ["GroupInServiceInstances"]

  mixed_instances_policy {
    instances_distribution {
      on_demand_base_capacity                  = var.on_demand_base_capacity
      on_demand_percentage_above_base_capacity = var.on_demand_percentage_above_base_capacity
      on_demand_allocation_strategy            = "lowest-price"
      spot_allocation_strategy                 = "price-capacity-optimized"
    }
    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.worker.id
        version            = aws_launch_template.worker.latest_version
      }
      dynamic "override" {
        for_each = var.worker_instance_types
        content {
          instance_type = override.value
        }
      }
    }
  }

  # Holds up scale-in and rebalancing until the worker has drained, never an interruption by EC2.
  initial_lifecycle_hook {
    name                 = local.hook_name
    lifecycle_transition = "autoscaling:EC2_INSTANCE_TERMINATING"
    heartbeat_timeout    = var.grace_period_seconds + 70
    default_result       = "CONTINUE"
  }
}

# Workers for jobs that must not be interrupted, beside the group that grows and shrinks.
resource "aws_autoscaling_group" "on_demand_workers" {
  count = var.on_demand_workers > 0 ? 1 : 0

  name                = "${var.name}-on-demand-workers"
  vpc_zone_identifier = var.private_subnet_ids
  min_size            = var.on_demand_workers
  max_size            = var.on_demand_workers
  health_check_type   = "EC2"

  mixed_instances_policy {
    instances_distribution {
      on_demand_percentage_above_base_capacity = 100
      on_demand_allocation_strategy            = "lowest-price"
    }
    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.worker.id
        version            = aws_launch_template.worker.latest_version
      }
      dynamic "override" {
        for_each = var.worker_instance_types
        content {
          instance_type = override.value
        }
      }
    }
  }

  initial_lifecycle_hook {
    name                 = local.hook_name
    lifecycle_transition = "autoscaling:EC2_INSTANCE_TERMINATING"
    heartbeat_timeout    = var.grace_period_seconds + 70
    default_result       = "CONTINUE"
  }
}

resource "aws_autoscaling_policy" "backlog_per_instance" {
  name                   = "backlog-per-instance"
  autoscaling_group_name = aws_autoscaling_group.workers.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = var.jobs_per_instance

    customized_metric_specification {
      metrics {
        id          = "jobs"
        return_data = false
        metric_stat {
          stat = "Average"
          metric {
            namespace   = local.backlog_namespace
            metric_name = "OutstandingJobs"
          }
        }
      }
      metrics {
        id          = "instances"
        return_data = false
        metric_stat {
          stat = "Average"
          metric {
            namespace   = "AWS/AutoScaling"
            metric_name = "GroupInServiceInstances"
            dimensions {
              name  = "AutoScalingGroupName"
              value = aws_autoscaling_group.workers.name
            }
          }
        }
      }
      metrics {
        id          = "jobs_per_instance"
        expression  = "IF(instances > 0, jobs / instances, jobs)"
        return_data = true
      }
    }
  }
}
