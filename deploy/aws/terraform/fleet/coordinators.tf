resource "aws_lb" "this" {
  name               = var.name
  load_balancer_type = "application"
  internal           = var.load_balancer_internal
  subnets            = var.load_balancer_subnet_ids
  security_groups    = [aws_security_group.load_balancer.id]

  # A lease request may wait for 60 s. Coordinators keep idle connections for 120 s, longer than this, so that it is never
  # they who close one that a request is just being sent on.
  idle_timeout               = 75
  drop_invalid_header_fields = true
}

resource "aws_lb_target_group" "coordinators" {
  name                          = "${var.name}-coordinators"
  vpc_id                        = var.vpc_id
  protocol                      = "HTTP"
  port                          = 8080
  load_balancing_algorithm_type = "least_outstanding_requests"
  # A coordinator that drains answers its long polls at once; there is nothing to wait for.
  deregistration_delay = 15

  health_check {
    path                = "/ready"
    matcher             = "200"
    interval            = 5
    timeout             = 3
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener" "this" {
  load_balancer_arn = aws_lb.this.arn
  port              = local.port
  protocol          = var.certificate_arn == null ? "HTTP" : "HTTPS"
  certificate_arn   = var.certificate_arn
  ssl_policy        = var.certificate_arn == null ? null : "ELBSecurityPolicy-TLS13-1-2-2021-06"

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.coordinators.arn
  }
}

resource "aws_launch_template" "coordinator" {
  name                                 = "${var.name}-coordinator"
  image_id                             = "resolve:ssm:${var.image_parameter}"
  instance_type                        = var.coordinator_instance_type
  vpc_security_group_ids               = [aws_security_group.coordinator.id]
  instance_initiated_shutdown_behavior = "terminate"
  update_default_version               = true

  iam_instance_profile {
    arn = aws_iam_instance_profile.coordinator.arn
  }

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 2
  }

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size           = 10
      volume_type           = "gp3"
      encrypted             = true
      delete_on_termination = true
    }
  }

  tag_specifications {
    resource_type = "instance"
    tags          = { Name = "${var.name} coordinator" }
  }

  user_data = base64encode(templatefile("${path.module}/user-data/coordinator.sh.tftpl", {
    region           = data.aws_region.current.name
    artifact_bucket  = var.artifact_bucket
    artifact_key     = var.artifact_key
    database_host    = var.database_host
    database_secret  = var.database_secret_arn
    tokens_parameter = var.tokens_parameter
    name             = var.name
    lease_seconds    = var.lease_seconds
  }))
}

resource "aws_autoscaling_group" "coordinators" {
  name                = "${var.name}-coordinators"
  vpc_zone_identifier = var.private_subnet_ids
  min_size            = var.coordinator_count
  max_size            = var.coordinator_count
  target_group_arns   = [aws_lb_target_group.coordinators.arn]
  # Not ELB: /ready says no while the database is away, and new machines would not bring it back.
  health_check_type         = "EC2"
  health_check_grace_period = 180

  launch_template {
    id      = aws_launch_template.coordinator.id
    version = aws_launch_template.coordinator.latest_version
  }

  # A changed template replaces the coordinators one after the other.
  instance_refresh {
    strategy = "Rolling"
    preferences {
      min_healthy_percentage = 50
      instance_warmup        = 180
    }
  }
}
