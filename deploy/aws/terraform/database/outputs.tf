output "address" {
  value = aws_db_instance.this.address
}

output "secret_arn" {
  value = aws_secretsmanager_secret.database.arn
}

output "security_group_id" {
  value = aws_security_group.this.id
}
