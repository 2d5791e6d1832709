/// What the tables and indexes of a database take.
struct RelationSizes: Sendable, Equatable {
  struct Relation: Sendable, Equatable {
    var name: String
    var isIndex: Bool
    var megabytes: Double
  }

  /// Of one table, as the statistics have it.
  struct Rows: Sendable, Equatable {
    var table: String
    var live: Double
    var dead: Double
  }

  var relations: [Relation]
  var rows: [Rows]

  var tableMegabytes: Double { relations.filter { !$0.isIndex }.map(\.megabytes).reduce(0, +) }
  var indexMegabytes: Double { relations.filter(\.isIndex).map(\.megabytes).reduce(0, +) }
  var deadRows: Double { rows.map(\.dead).reduce(0, +) }

  static func read(from database: BenchDatabase) async throws -> RelationSizes {
    let relations = try await database.query(
      """
      select relname, relkind = 'i', (case relkind when 'i' then pg_relation_size(oid) else pg_table_size(oid) end) / 1048576.0
      from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'm', 'i') order by relname
      """)
    let rows = try await database.query(
      "select relname, n_live_tup, n_dead_tup from pg_stat_user_tables where schemaname = 'public' order by relname")
    return RelationSizes(
      relations: relations.map { .init(name: $0[0], isIndex: $0[1] == "t", megabytes: Double($0[2]) ?? .nan) },
      rows: rows.map { .init(table: $0[0], live: Double($0[1]) ?? .nan, dead: Double($0[2]) ?? .nan) })
  }
}
