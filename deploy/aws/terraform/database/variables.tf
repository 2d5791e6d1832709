variable "name" {
  type    = string
  default = "baton"
}

variable "vpc_id" {
  type = string
}

variable "subnet_ids" {
  description = "At least two, private, in different zones."
  type        = list(string)
}

variable "coordinator_security_group_id" {
  description = "Who may connect."
  type        = string
}

variable "engine_version" {
  description = "A version of PostgreSQL 17 that RDS offers; \"17\" for whichever is its default."
  type        = string
  default     = "17"
}

variable "instance_class" {
  type    = string
  default = "db.t4g.small"
}

variable "gigabytes" {
  type    = number
  default = 20
}

variable "multi_az" {
  description = "A standby in another zone, at twice the price. Without it, the database is the one thing that is there once."
  type        = bool
  default     = false
}

variable "deletion_protection" {
  type    = bool
  default = true
}
