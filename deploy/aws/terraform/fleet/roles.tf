data "aws_partition" "current" {}
data "aws_region" "current" {}
data "aws_caller_identity" "current" {}

locals {
  partition         = data.aws_partition.current.partition
  here              = "${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}"
  artifact_arn      = "arn:${local.partition}:s3:::${var.artifact_bucket}/${var.artifact_key}"
  backlog_namespace = "Baton/${var.name}"
}

data "aws_iam_policy_document" "assumed_by_instances" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "coordinator" {
  statement {
    sid       = "Programs"
    actions   = ["s3:GetObject"]
    resources = [local.artifact_arn]
  }
  statement {
    sid       = "DatabasePassword"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.database_secret_arn]
  }
  statement {
    sid       = "Tokens"
    actions   = ["ssm:GetParameter"]
    resources = ["arn:${local.partition}:ssm:${local.here}:parameter${var.tokens_parameter}"]
  }
  statement {
    sid       = "Backlog"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"] # the action knows no resources
    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = [local.backlog_namespace]
    }
  }
}

# Jobs can reach the instance's metadata and so have this role too: give it nothing that they must not do.
data "aws_iam_policy_document" "worker" {
  statement {
    sid       = "Programs"
    actions   = ["s3:GetObject"]
    resources = [local.artifact_arn]
  }
  statement {
    sid       = "Token"
    actions   = ["ssm:GetParameter"]
    resources = ["arn:${local.partition}:ssm:${local.here}:parameter${var.worker_token_parameter}"]
  }
  statement {
    sid     = "Drained"
    actions = ["autoscaling:CompleteLifecycleAction"]
    resources = [
      "arn:${local.partition}:autoscaling:${local.here}:autoScalingGroup:*:autoScalingGroupName/${var.name}-workers",
      "arn:${local.partition}:autoscaling:${local.here}:autoScalingGroup:*:autoScalingGroupName/${var.name}-on-demand-workers",
    ]
  }
}

resource "aws_iam_role" "coordinator" {
  name_prefix        = "${var.name}-coordinator-"
  assume_role_policy = data.aws_iam_policy_document.assumed_by_instances.json
}

resource "aws_iam_role_policy" "coordinator" {
  role   = aws_iam_role.coordinator.id
  policy = data.aws_iam_policy_document.coordinator.json
}

resource "aws_iam_instance_profile" "coordinator" {
  name_prefix = "${var.name}-coordinator-"
  role        = aws_iam_role.coordinator.name
}

resource "aws_iam_role" "worker" {
  name_prefix        = "${var.name}-worker-"
  assume_role_policy = data.aws_iam_policy_document.assumed_by_instances.json
}

resource "aws_iam_role_policy" "worker" {
  role   = aws_iam_role.worker.id
  policy = data.aws_iam_policy_document.worker.json
}

resource "aws_iam_instance_profile" "worker" {
  name_prefix = "${var.name}-worker-"
  role        = aws_iam_role.worker.name
}
