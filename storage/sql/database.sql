-- name: engine
-- A database stays what it was made as: TimescaleDB installed later changes nothing in it.
select case
    when to_regclass('reading') is not null then
        (select case relkind when 'p' then 'postgres' else 'timescale' end
         from pg_class where oid = to_regclass('reading'))
    when exists (select from pg_available_extensions where name = 'timescaledb') then 'timescale'
    else 'postgres'
end;

-- name: migration_lock
select pg_advisory_xact_lock($1::bigint);

-- name: migration_table
create table if not exists schema_migration (
    number integer primary key,
    name text not null,
    checksum text not null,
    applied timestamptz not null default now()
);

-- name: migration_table_exists
select to_regclass('schema_migration') is not null;

-- name: migrations_applied
select number, name, checksum from schema_migration order by number;

-- name: migration_done
insert into schema_migration (number, name, checksum) values ($1, $2, $3);

-- name: limit_statements
select set_config('statement_timeout', $1, true);
