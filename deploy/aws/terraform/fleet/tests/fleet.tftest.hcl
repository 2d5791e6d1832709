# What must hold of a planned fleet. Nothing here speaks to AWS.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_data "aws_region" {
    defaults = { name = "us-east-1" }
  }
}

# Known before anything is made, so that a plan knows user data and metrics; the provider looks at the forms of ARNs.
override_resource {
  target          = aws_lb.this
  override_during = plan
  values = {
    dns_name = "baton.elb.example"
    arn      = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/baton/0"
  }
}

override_resource {
  target          = aws_lb_target_group.coordinators
  override_during = plan
  values          = { arn = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/baton/0" }
}

override_resource {
  target          = aws_iam_instance_profile.worker
  override_during = plan
  values          = { arn = "arn:aws:iam::000000000000:instance-profile/worker" }
}

override_resource {
  target          = aws_iam_instance_profile.coordinator
  override_during = plan
  values          = { arn = "arn:aws:iam::000000000000:instance-profile/coordinator" }
}

variables {
  vpc_id                   = "vpc-1"
  private_subnet_ids       = ["subnet-1", "subnet-2"]
  load_balancer_subnet_ids = ["subnet-1", "subnet-2"]
  artifact_bucket          = "bucket"
  artifact_key             = "baton.tar.gz"

  database_host              = "database.example"
  database_secret_arn        = "arn:aws:secretsmanager:us-east-1:000000000000:secret:database"
  database_security_group_id = "sg-1"
}

run "fleet" {
  command = plan

  assert {
    condition = alltrue([
      for template in [aws_launch_template.worker, aws_launch_template.coordinator] :
      template.metadata_options[0].http_tokens == "required"
      && template.metadata_options[0].http_put_response_hop_limit == 2
      && alltrue([for device in template.block_device_mappings : device.ebs[0].encrypted == "true"])
    ])
    error_message = "Instances must insist on IMDSv2 with a hop limit of 2 and have encrypted disks."
  }

  assert {
    condition = (
      aws_autoscaling_group.workers.capacity_rebalance
      && aws_autoscaling_group.workers.mixed_instances_policy[0].instances_distribution[0].spot_allocation_strategy == "price-capacity-optimized"
      && length(aws_autoscaling_group.workers.mixed_instances_policy[0].launch_template[0].override) >= 2
    )
    error_message = "The workers must be of several kinds, chosen for price and capacity, with capacity rebalancing."
  }

  assert {
    condition     = one(aws_autoscaling_group.workers.initial_lifecycle_hook).heartbeat_timeout > var.grace_period_seconds + 20
    error_message = "The hook must outlast a drain and what systemd adds to it."
  }

  assert {
    condition = (
      aws_lb_target_group.coordinators.health_check[0].path == "/ready"
      && tonumber(aws_lb_target_group.coordinators.deregistration_delay) <= 30
      && aws_lb.this.idle_timeout > 60 && aws_lb.this.idle_timeout < 120
    )
    error_message = "The load balancer must ask /ready, deregister fast, and leave long polls alone."
  }

  assert {
    condition     = length(aws_autoscaling_group.on_demand_workers) == 0
    error_message = "The on-demand group is an option."
  }

  assert {
    condition = alltrue([
      for line in ["COORDINATOR_URL=http://baton.elb.example", "GRACE_PERIOD_SECONDS=110", "EXEC_ALLOW=python3"] :
      contains(split("\n", base64decode(aws_launch_template.worker.user_data)), line)
    ])
    error_message = "Workers must start with the settings of the module."
  }
}

run "long_grace_moves_the_hook" {
  command = plan

  variables {
    grace_period_seconds = 3600
    on_demand_workers    = 2
    certificate_arn      = "arn:aws:acm:us-east-1:000000000000:certificate/1"
    host_name            = "baton.example.com"
  }

  assert {
    condition = alltrue([
      for group in concat([aws_autoscaling_group.workers], aws_autoscaling_group.on_demand_workers) :
      one(group.initial_lifecycle_hook).heartbeat_timeout > 3620
    ])
    error_message = "The hook must follow the grace period in both groups."
  }

  assert {
    condition     = aws_autoscaling_group.on_demand_workers[0].mixed_instances_policy[0].instances_distribution[0].on_demand_percentage_above_base_capacity == 100
    error_message = "No spot instances in the on-demand group."
  }

  assert {
    condition     = output.coordinator_url == "https://baton.example.com" && aws_lb_listener.this.port == 443
    error_message = "A certificate means HTTPS, under its name."
  }
}

run "tokens_never_cross_the_internet_in_clear" {
  command = plan
  variables {
    load_balancer_internal = false
  }
  expect_failures = [var.load_balancer_internal]
}

run "one_kind_of_instance_is_refused" {
  command = plan
  variables {
    worker_instance_types = ["m6i.large"]
  }
  expect_failures = [var.worker_instance_types]
}
