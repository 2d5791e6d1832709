variable "name" {
  description = "What everything is called, and what the metrics' namespace ends in."
  type        = string
  default     = "baton"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,19}$", var.name))
    error_message = "Up to 20 lower-case letters, digits and dashes, a letter first."
  }
}

# Network

variable "vpc_id" {
  type = string
}

variable "private_subnet_ids" {
  description = "At least two, in different zones, with a way out through a NAT gateway. All machines and the database are in these."
  type        = list(string)

  validation {
    condition     = length(var.private_subnet_ids) >= 2
    error_message = "The database and the load balancer need two zones."
  }
}

variable "load_balancer_subnet_ids" {
  description = "At least two, in different zones; the private ones for an internal load balancer."
  type        = list(string)
}

variable "load_balancer_internal" {
  type    = bool
  default = true

  validation {
    condition     = var.load_balancer_internal || var.certificate_arn != null
    error_message = "A load balancer that faces the internet needs certificate_arn, since tokens pass through it."
  }
}

variable "certificate_arn" {
  description = "Certificate of ACM for host_name; null for plain HTTP, which only an internal load balancer may speak."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || var.host_name != null
    error_message = "With certificate_arn, say host_name, the name that workers are to use."
  }
}

variable "host_name" {
  description = "The name in the certificate. You point it at the load balancer."
  type        = string
  default     = null
}

variable "client_cidrs" {
  description = "Addresses that may reach the load balancer beside the workers and members of the clients' security group."
  type        = list(string)
  default     = []
}

variable "outbound_cidr" {
  description = "Where machines may connect to on ports 80 and 443, for AWS, packages, and what jobs fetch."
  type        = string
  default     = "0.0.0.0/0"
}

# Programs and secrets

variable "image_parameter" {
  description = "Public parameter with the image: Debian 12, or one made from it. Of the same processor as the programs."
  type        = string
  default     = "/aws/service/debian/release/12/latest/amd64"
}

variable "artifact_bucket" {
  description = "The bucket with the archive that deploy/aws/make-tarball.sh makes."
  type        = string
}

variable "artifact_key" {
  description = "Its name in the bucket. A new name for each version, so that a machine always gets what its template says."
  type        = string
}

variable "tokens_parameter" {
  description = "Parameter of the Parameter Store with the coordinators' file of tokens."
  type        = string
  default     = "/baton/tokens"
}

variable "worker_token_parameter" {
  description = "Parameter of the Parameter Store with the workers' token."
  type        = string
  default     = "/baton/worker-token"
}

# Workers

variable "worker_instance_types" {
  description = "Several, of about the same size. The more kinds, the rarer are interruptions and empty pools."
  type        = list(string)
  default     = ["m7i.large", "m7a.large", "m6i.large", "m6a.large", "m5.large", "m5a.large"]

  validation {
    condition     = length(var.worker_instance_types) >= 2
    error_message = "A spot fleet of one kind of instance stands and falls with one pool."
  }
}

variable "worker_minimum" {
  type    = number
  default = 1
}

variable "worker_maximum" {
  type    = number
  default = 10
}

variable "on_demand_base_capacity" {
  description = "This many workers, the first ones, are on-demand. Jobs with the placement on_demand need at least one."
  type        = number
  default     = 0
}

variable "on_demand_percentage_above_base_capacity" {
  type    = number
  default = 0

  validation {
    condition     = var.on_demand_percentage_above_base_capacity >= 0 && var.on_demand_percentage_above_base_capacity <= 100
    error_message = "A percentage is between 0 and 100."
  }
}

variable "on_demand_workers" {
  description = "Size of a second group, of on-demand workers alone, that no scaling policy shrinks."
  type        = number
  default     = 0
}

variable "jobs_per_instance" {
  description = "How many jobs, waiting and running, the scaling policy wants for each worker. At least worker_slots."
  type        = number
  default     = 4

  validation {
    condition     = var.jobs_per_instance >= var.worker_slots
    error_message = "With fewer jobs than slots for each worker, workers would be started to be idle."
  }
}

variable "worker_slots" {
  description = "How many jobs a worker runs at once."
  type        = number
  default     = 2
}

variable "worker_queues" {
  type    = list(string)
  default = ["default"]
}

variable "exec_allow" {
  description = "Programs that jobs may run; [\"*\"] for all."
  type        = list(string)
  default     = ["python3"]
}

variable "worker_packages" {
  description = "Debian packages that the jobs need. For more than a few, make an image."
  type        = list(string)
  default     = ["python3"]

  validation {
    condition     = alltrue([for package in var.worker_packages : can(regex("^[a-z0-9.+-]+$", package))])
    error_message = "A Debian package's name has lower-case letters, digits, dots, pluses and dashes."
  }
}

variable "worker_volume_gigabytes" {
  type    = number
  default = 20
}

variable "grace_period_seconds" {
  description = "How long a drain may last that names no time of its own; a spot notice names its own. The Auto Scaling group waits 70 s longer."
  type        = number
  default     = 110

  validation {
    condition     = var.grace_period_seconds >= 0 && var.grace_period_seconds <= 7000
    error_message = "Between 0 and 7000 seconds."
  }
}

# Coordinators

variable "coordinator_instance_type" {
  type    = string
  default = "t3.small"
}

variable "coordinator_count" {
  type    = number
  default = 2
}

variable "lease_seconds" {
  description = "How long after a worker's last sign of life its jobs go to others."
  type        = number
  default     = 30
}

# Database

variable "database_host" {
  description = "Name of a PostgreSQL server whose certificate one of RDS's authorities has signed; its database is called baton."
  type        = string
}

variable "database_secret_arn" {
  description = "Secret of the Secrets Manager: {\"username\":…,\"password\":…}."
  type        = string
}

variable "database_security_group_id" {
  description = "Security group of the database, which coordinators may connect to."
  type        = string
}
