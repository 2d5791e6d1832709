import BatonPostgres

extension PostgresMigration {
  /// What leasing walks along, in an order that a walk can begin in the middle of; and cheaper checks of names.
  static let speedUp = PostgresMigration(
    version: 5, name: "speed_up",
    sql: #"""
      -- All columns ascend, so that "from this priority and time on" is one place in the index.
      drop index jobs_ready;
      create index jobs_ready on jobs (queue, placement, (-priority), run_at, id) where status = 'queued' and not scheduled;

      -- The same names as before. Counting to 127 within the pattern took 8 microseconds a name, at every write of a job.
      alter table jobs drop constraint jobs_queue_plain, drop constraint jobs_kind_plain,
        add constraint jobs_queue_plain check
          (queue !~ '^[.:-]|[^A-Za-z0-9._:-]' and octet_length(queue) between 1 and 128),
        add constraint jobs_kind_plain check
          (kind !~ '^[.:-]|[^A-Za-z0-9._:-]' and octet_length(kind) between 1 and 128);
      comment on constraint jobs_queue_plain on jobs is 'Queues appear in addresses, lists and metric labels.';
      comment on constraint jobs_kind_plain on jobs is 'Kinds appear in lists and metric labels.';
      """#)
}
