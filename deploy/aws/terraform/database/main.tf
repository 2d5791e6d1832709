# The password goes from Secrets Manager's generator into a secret, and from the secret into the database. It is in no
# plan and no state. The way through the secret matters: if an apply breaks off half-way, the next one finds the
# password that was really stored.

ephemeral "aws_secretsmanager_random_password" "database" {
  password_length     = 40
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret" "database" {
  name_prefix = "${var.name}-database-"
  description = "User and password of Baton's database"
}

resource "aws_secretsmanager_secret_version" "database" {
  secret_id = aws_secretsmanager_secret.database.id
  secret_string_wo = jsonencode({
    username = "baton"
    password = ephemeral.aws_secretsmanager_random_password.database.random_password
  })
  secret_string_wo_version = 1
}

ephemeral "aws_secretsmanager_secret_version" "database" {
  secret_id = aws_secretsmanager_secret_version.database.secret_id
}

resource "aws_security_group" "this" {
  name        = "${var.name}-database"
  description = "Database of Baton"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "coordinators" {
  security_group_id            = aws_security_group.this.id
  referenced_security_group_id = var.coordinator_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_db_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnet_ids
}

resource "aws_db_parameter_group" "this" {
  name_prefix = "${var.name}-"
  family      = "postgres17"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_db_instance" "this" {
  identifier                = var.name
  engine                    = "postgres"
  engine_version            = var.engine_version
  instance_class            = var.instance_class
  db_name                   = "baton"
  username                  = "baton"
  password_wo               = jsondecode(ephemeral.aws_secretsmanager_secret_version.database.secret_string)["password"]
  password_wo_version       = aws_secretsmanager_secret_version.database.secret_string_wo_version
  allocated_storage         = var.gigabytes
  storage_type              = "gp3"
  storage_encrypted         = true
  multi_az                  = var.multi_az
  publicly_accessible       = false
  db_subnet_group_name      = aws_db_subnet_group.this.name
  parameter_group_name      = aws_db_parameter_group.this.name
  vpc_security_group_ids    = [aws_security_group.this.id]
  ca_cert_identifier        = "rds-ca-rsa2048-g1"
  backup_retention_period   = 7
  copy_tags_to_snapshot     = true
  deletion_protection       = var.deletion_protection
  final_snapshot_identifier = "${var.name}-final"
}
