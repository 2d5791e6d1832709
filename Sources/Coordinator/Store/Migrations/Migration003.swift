import BatonPostgres

extension PostgresMigration {
  /// Views for people with `psql`.
  static let createViews = PostgresMigration(
    version: 3, name: "create_views",
    sql: #"""
      create view job_overview as
        select j.id, j.queue, j.kind,
          case when j.scheduled then 'queued (due ' || to_char(j.run_at, 'HH24:MI:SS') || ')'
               when j.cancel_requested_at is not null and j.status = 'processing' then 'processing (cancelling)'
               else j.status end as status,
          j.attempt, j.failures || '/' || j.max_attempts as failures, j.interruptions,
          j.losses || '/' || j.max_losses as losses,
          round((a.progress_fraction * 100)::numeric, 1) as progress_percent, a.progress_message,
          c.sequence as checkpoint, pg_size_pretty(c.size_bytes) as checkpoint_size,
          j.worker_id, date_trunc('second', coalesce(j.finished_at, now()) - j.created_at) as age,
          date_trunc('second', coalesce(a.ended_at, now()) - a.started_at) as attempt_ran,
          case when a.outcome is null then round(extract(epoch from a.expires_at - now())::numeric, 1) end as lease_seconds_left,
          j.error_code, j.error_message
        from jobs j
        left join attempts a on a.job_id = j.id and a.attempt = j.attempt
        left join checkpoints c on c.job_id = j.id;
      comment on view job_overview is 'Jobs with their progress, checkpoint, holder and latest error.';

      create view fleet_overview as
        select w.id, w.hostname, w.instance_type, w.availability_zone, w.capacity_type,
          case when w.state = 'gone' or w.silent_after < now() then 'gone'
               when w.state = 'draining' or w.drain_requested then 'draining'
               else 'active' end as state,
          w.slots, coalesce(held.leases, 0) as leases, w.queues,
          date_trunc('second', now() - w.last_heartbeat_at) as silent_for, w.interruption
        from workers w
        left join (select worker_id, count(*) as leases from attempts where outcome is null group by worker_id) held
          on held.worker_id = w.id;
      comment on view fleet_overview is 'Workers, what they hold, and how long they have been silent.';

      create view queue_overview as
        select j.queue, coalesce(q.paused, false) as paused,
          count(*) filter (where j.status = 'queued' and not j.scheduled) as ready,
          count(*) filter (where j.scheduled) as scheduled,
          count(*) filter (where j.status = 'processing') as processing,
          count(*) filter (where j.status = 'done') as done,
          count(*) filter (where j.status = 'failed') as failed,
          count(*) filter (where j.status = 'cancelled') as cancelled,
          date_trunc('second', now() - min(j.run_at) filter (where j.status = 'queued' and not j.scheduled)) as oldest_ready
        from jobs j left join queues q on q.name = j.queue
        group by j.queue, q.paused;
      comment on view queue_overview is 'Queues with their jobs by status. Counts every job: slow with millions of finished ones.';

      comment on function baton_forget_jobs is 'Deletes what belongs to deleted jobs.';
      comment on table schema_migrations is 'Which migrations were applied, when, and their checksums.';
      comment on constraint jobs_status_known on jobs is 'The words of the API.';
      comment on constraint jobs_scheduled_is_queued on jobs is 'Only a queued job waits for its time.';
      comment on constraint jobs_processing_has_worker on jobs is 'Whoever processes it is known.';
      comment on constraint jobs_finished_has_time on jobs is 'What is done, failed or cancelled has an end, and nothing else has.';
      comment on constraint jobs_failed_has_error on jobs is 'A failure says why.';
      comment on constraint jobs_result_is_done on jobs is 'Only what is done has a result.';
      comment on constraint jobs_cancel_is_not_queued on jobs is 'A queued job is cancelled at once; the wish stands only while a worker holds it.';
      comment on constraint jobs_priority_range on jobs is 'As in the API.';
      comment on constraint jobs_placement_known on jobs is 'The words of the API.';
      comment on constraint jobs_on_interruption_known on jobs is 'The words of the API.';
      comment on constraint jobs_budgets_positive on jobs is 'A job may be tried at least once.';
      comment on constraint jobs_counts_not_negative on jobs is 'Counts only grow, or start anew.';
      comment on constraint jobs_timeout_positive on jobs is 'No limit is null, not infinity.';
      comment on constraint jobs_tags_are_an_object on jobs is 'Names and texts.';
      comment on constraint jobs_run_at_range on jobs is 'What RFC 3339 can write.';
      comment on constraint jobs_queue_plain on jobs is 'Queues appear in addresses, lists and metric labels.';
      comment on constraint jobs_kind_plain on jobs is 'Kinds appear in lists and metric labels.';
      comment on constraint attempts_outcome_known on attempts is 'The words of the API.';
      comment on constraint attempts_ended_has_outcome on attempts is 'An attempt ends with an outcome, and only so.';
      comment on constraint checkpoints_sequence_positive on checkpoints is 'The first is 1.';
      comment on constraint checkpoints_size_true on checkpoints is 'It is never half of one.';
      comment on constraint workers_state_known on workers is 'The words of the API.';
      comment on constraint workers_capacity_known on workers is 'The words of the API.';
      """#)
}

extension [PostgresMigration] {
  /// Every migration, in order.
  public static let baton: [PostgresMigration] = [
    .createJobs, .createFunctions, .createViews, .explainColumns, .speedUp,
  ]
}
