output "coordinator_url" {
  description = "For COORDINATOR_URL of clients. With a certificate, point the name at load_balancer_dns_name first."
  value       = local.url
}

output "load_balancer_dns_name" {
  value = aws_lb.this.dns_name
}

output "client_security_group_id" {
  description = "Machines that are to submit jobs need this security group."
  value       = aws_security_group.client.id
}

output "worker_group_name" {
  value = aws_autoscaling_group.workers.name
}

output "coordinator_security_group_id" {
  description = "Who needs to reach the database."
  value       = aws_security_group.coordinator.id
}
