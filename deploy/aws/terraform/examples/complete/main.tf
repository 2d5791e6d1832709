# Baton in an empty account: a network, and a fleet in it.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.90"
    }
  }
}

variable "region" {
  type    = string
  default = "us-east-1"
}

variable "artifact_bucket" {
  type = string
}

variable "artifact_key" {
  type = string
}

provider "aws" {
  region = var.region
}

data "aws_availability_zones" "available" {
  state = "available"
}

locals {
  cidr  = "10.42.0.0/16"
  zones = slice(data.aws_availability_zones.available.names, 0, 2)
}

resource "aws_vpc" "this" {
  cidr_block           = local.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = "baton" }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_subnet" "public" {
  count             = 2
  vpc_id            = aws_vpc.this.id
  availability_zone = local.zones[count.index]
  cidr_block        = cidrsubnet(local.cidr, 6, count.index)
  tags              = { Name = "baton public ${local.zones[count.index]}" }
}

resource "aws_subnet" "private" {
  count             = 2
  vpc_id            = aws_vpc.this.id
  availability_zone = local.zones[count.index]
  cidr_block        = cidrsubnet(local.cidr, 6, count.index + 2)
  tags              = { Name = "baton private ${local.zones[count.index]}" }
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id
}

resource "aws_route" "public" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  count          = 2
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

# One gateway for both zones: half the price, and when its zone fails, machines of the other zone cannot start anew.
resource "aws_eip" "nat" {
  domain     = "vpc"
  depends_on = [aws_internet_gateway.this]
}

resource "aws_nat_gateway" "this" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.public[0].id
  depends_on    = [aws_internet_gateway.this]
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id
}

resource "aws_route" "private" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this.id
}

resource "aws_route_table_association" "private" {
  count          = 2
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private.id
  depends_on     = [aws_route.private]
}

# Costs nothing, and keeps what jobs read from and write to S3 off the NAT gateway's bill.
resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]
}

module "database" {
  source = "../../database"

  vpc_id                        = aws_vpc.this.id
  subnet_ids                    = aws_subnet.private[*].id
  coordinator_security_group_id = module.baton.coordinator_security_group_id
}

module "baton" {
  source = "../../fleet"

  vpc_id = aws_vpc.this.id
  # Through the routes, so that no machine starts before it has a way out.
  private_subnet_ids       = aws_route_table_association.private[*].subnet_id
  load_balancer_subnet_ids = aws_subnet.private[*].id
  artifact_bucket          = var.artifact_bucket
  artifact_key             = var.artifact_key
  on_demand_base_capacity  = 1

  database_host              = module.database.address
  database_secret_arn        = module.database.secret_arn
  database_security_group_id = module.database.security_group_id
}

output "coordinator_url" {
  value = module.baton.coordinator_url
}

output "client_security_group_id" {
  value = module.baton.client_security_group_id
}

output "worker_group_name" {
  value = module.baton.worker_group_name
}
