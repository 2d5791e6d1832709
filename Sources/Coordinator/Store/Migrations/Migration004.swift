import BatonPostgres

extension PostgresMigration {
  /// What the columns mean that had no comment yet, for people with `psql`.
  static let explainColumns = PostgresMigration(
    version: 4, name: "explain_columns",
    sql: #"""
      comment on column queues.name is 'The queue.';
      comment on column queues.changed_at is 'When it was paused or resumed last.';

      comment on column jobs.queue is 'Leased together with the other jobs of its queue; workers say which queues they serve.';
      comment on column jobs.kind is 'Which handler of a worker runs it: exec, steps, sleep, noop, or one of somebody''s own.';
      comment on column jobs.payload is 'What the handler is given, as it was sent. baton_enqueue refuses U+0000, which workers cannot read; a plain insert does not.';
      comment on column jobs.tags is 'Names and texts to filter by.';
      comment on column jobs.created_at is 'When it was submitted.';
      comment on column jobs.started_at is 'When its first attempt began.';
      comment on column jobs.finished_at is 'When it was done, failed or cancelled; it is deleted when that is long enough ago.';
      comment on column jobs.error_message is 'Of the latest failure, for people.';
      comment on column jobs.result is 'What the handler returned, if it is done.';

      comment on column attempts.job_id is 'The job.';
      comment on column attempts.attempt is 'Counts the attempts of the job, from 1.';
      comment on column attempts.worker_id is 'Who holds the lease, or held it.';
      comment on column attempts.capacity_type is 'What the worker ran on at that time: spot, on_demand or unknown.';
      comment on column attempts.reason is 'In words: why it was handed back, what failed.';
      comment on column attempts.started_at is 'When the lease was granted.';
      comment on column attempts.ended_at is 'When its outcome was accepted.';
      comment on column attempts.progress_fraction is 'From 0 to 1, as the worker said last; null if it never said.';
      comment on column attempts.progress_message is 'Words that came with it; null once the attempt is done.';

      comment on column checkpoints.job_id is 'The job.';
      comment on column checkpoints.sequence is 'Counts the checkpoints of the job, from 1.';
      comment on column checkpoints.content_type is 'As it was saved with.';
      comment on column checkpoints.size_bytes is 'Of data.';
      comment on column checkpoints.saved_at is 'What the job did since then would have to be done again.';
      comment on column checkpoints.data is 'Whole: it replaces the one before in one step.';

      comment on column job_logs.job_id is 'The job.';
      comment on column job_logs.chunk is 'The order in which the pieces came.';
      comment on column job_logs.attempt is 'The attempt that wrote it.';
      comment on column job_logs.written_at is 'When it reached the database.';
      comment on column job_logs.size_bytes is 'Of body, in UTF-8.';
      comment on column job_logs.body is 'A piece of what the job wrote; may begin and end within a line.';

      comment on column workers.id is 'The host''s name and a random part.';
      comment on column workers.hostname is 'As it says.';
      comment on column workers.instance_id is 'The cloud''s name for its machine.';
      comment on column workers.instance_type is 'As the cloud says.';
      comment on column workers.availability_zone is 'As the cloud says.';
      comment on column workers.capacity_type is 'spot, on_demand or unknown; decides with the placement of jobs what it is given.';
      comment on column workers.provider is 'Which cloud it found itself in: aws, gcp or azure.';
      comment on column workers.queues is 'What it asks for work from.';
      comment on column workers.kinds is 'What it can run; empty for everything.';
      comment on column workers.slots is 'How many jobs it runs at a time.';
      comment on column workers.version is 'Of the worker''s program.';
      comment on column workers.interruption is 'The notice that it acts on: source, action and how many seconds were left when it said so.';
      comment on column workers.registered_at is 'When it was first heard of.';
      comment on column workers.last_heartbeat_at is 'When it was last heard of.';

      comment on column idempotency_keys.key is 'As the submitter gave it.';
      comment on column idempotency_keys.job_id is 'The job that it made.';

      comment on column schema_migrations.version is 'Its number; they are applied in this order.';
      comment on column schema_migrations.name is 'What it does, in a word.';
      comment on column schema_migrations.checksum is 'Of its SQL: a coordinator does not work with a schema that other migrations made.';
      comment on column schema_migrations.applied_at is 'When it was applied.';

      comment on column job_overview.id is 'As in jobs.';
      comment on column job_overview.queue is 'As in jobs.';
      comment on column job_overview.kind is 'As in jobs.';
      comment on column job_overview.status is 'As in jobs; with when it is due if it waits for that, and whether it is being cancelled.';
      comment on column job_overview.attempt is 'Number of the latest attempt.';
      comment on column job_overview.failures is 'Of how many allowed.';
      comment on column job_overview.interruptions is 'How often it was handed back because an instance went away.';
      comment on column job_overview.losses is 'Of how many allowed.';
      comment on column job_overview.progress_percent is 'Of the latest attempt, as its worker said last.';
      comment on column job_overview.progress_message is 'Of the latest attempt.';
      comment on column job_overview.checkpoint is 'Sequence of the newest checkpoint; null if there is none.';
      comment on column job_overview.checkpoint_size is 'Of the newest checkpoint.';
      comment on column job_overview.worker_id is 'The worker that holds it, or had it last.';
      comment on column job_overview.age is 'From its submission to its end, or until now.';
      comment on column job_overview.attempt_ran is 'How long the latest attempt ran, or has run.';
      comment on column job_overview.lease_seconds_left is 'Until its worker counts as lost unless it renews; null while nobody holds it.';
      comment on column job_overview.error_code is 'Of the latest failure.';
      comment on column job_overview.error_message is 'Of the latest failure.';

      comment on column fleet_overview.id is 'As in workers.';
      comment on column fleet_overview.hostname is 'As in workers.';
      comment on column fleet_overview.instance_type is 'As in workers.';
      comment on column fleet_overview.availability_zone is 'As in workers.';
      comment on column fleet_overview.capacity_type is 'As in workers.';
      comment on column fleet_overview.state is 'active, draining, or gone: it said so or has not been heard of for the time of a lease.';
      comment on column fleet_overview.slots is 'How many jobs it runs at a time.';
      comment on column fleet_overview.leases is 'How many it holds.';
      comment on column fleet_overview.queues is 'What it asks for work from.';
      comment on column fleet_overview.silent_for is 'Since it was last heard of.';
      comment on column fleet_overview.interruption is 'The notice that it acts on.';

      comment on column queue_overview.queue is 'The queue.';
      comment on column queue_overview.paused is 'While true, none of its jobs is leased.';
      comment on column queue_overview.ready is 'Jobs that a worker could have now.';
      comment on column queue_overview.scheduled is 'Jobs that wait for their time, or for a retry.';
      comment on column queue_overview.processing is 'Jobs that a worker holds.';
      comment on column queue_overview.done is 'Jobs that are done.';
      comment on column queue_overview.failed is 'Jobs that failed for good.';
      comment on column queue_overview.cancelled is 'Jobs that were cancelled.';
      comment on column queue_overview.oldest_ready is 'How long the job that waits longest has been ready.';
      """#)
}
