# Who may reach whom. Security groups of Terraform start without rules, outbound ones included.

locals {
  # The port on which the load balancer listens.
  port = var.certificate_arn == null ? 80 : 443
}

resource "aws_security_group" "worker" {
  name        = "${var.name}-worker"
  description = "Baton workers - nobody connects to them"
  vpc_id      = var.vpc_id
}

resource "aws_security_group" "client" {
  name        = "${var.name}-client"
  description = "For machines that submit jobs to Baton - carries no rule of its own"
  vpc_id      = var.vpc_id
}

resource "aws_security_group" "load_balancer" {
  name        = "${var.name}-load-balancer"
  description = "Load balancer of Baton"
  vpc_id      = var.vpc_id
}

resource "aws_security_group" "coordinator" {
  name        = "${var.name}-coordinator"
  description = "Baton coordinators"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "worker_to_load_balancer" {
  security_group_id            = aws_security_group.worker.id
  referenced_security_group_id = aws_security_group.load_balancer.id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}

resource "aws_vpc_security_group_egress_rule" "outbound" {
  for_each = {
    "worker 80"       = { group = aws_security_group.worker.id, port = 80 }
    "worker 443"      = { group = aws_security_group.worker.id, port = 443 }
    "coordinator 80"  = { group = aws_security_group.coordinator.id, port = 80 }
    "coordinator 443" = { group = aws_security_group.coordinator.id, port = 443 }
  }

  security_group_id = each.value.group
  cidr_ipv4         = var.outbound_cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  description       = "AWS and packages and what jobs fetch"
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer_from_groups" {
  for_each = {
    workers = aws_security_group.worker.id
    clients = aws_security_group.client.id
  }

  security_group_id            = aws_security_group.load_balancer.id
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
  description                  = each.key
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer_from_cidrs" {
  for_each = toset(var.client_cidrs)

  security_group_id = aws_security_group.load_balancer.id
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = local.port
  to_port           = local.port
  description       = "clients elsewhere"
}

resource "aws_vpc_security_group_egress_rule" "load_balancer_to_coordinators" {
  security_group_id            = aws_security_group.load_balancer.id
  referenced_security_group_id = aws_security_group.coordinator.id
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
}

resource "aws_vpc_security_group_ingress_rule" "coordinators_from_load_balancer" {
  security_group_id            = aws_security_group.coordinator.id
  referenced_security_group_id = aws_security_group.load_balancer.id
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
}

resource "aws_vpc_security_group_egress_rule" "coordinators_to_database" {
  security_group_id            = aws_security_group.coordinator.id
  referenced_security_group_id = var.database_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}
