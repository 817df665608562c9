-- name: intervals_within
-- Intervals that overlap the ranges: those that start in them, and the one before if it reaches in, which only those of
-- points with a grid of their own can.
-- $4 and $5, the bounds of all ranges, are constants by which partitions are left out when planning.
select i.point_id, i.start, i.seconds, coalesce(i.consumption, 'NaN'), i.quality, i.method, i.expected, i.received
from (
    select point_id, first, past, point_id in (select point_id from grid) as gridded
    from unnest($1::integer[], $2::bigint[], $3::bigint[]) u (point_id, first, past)
    offset 0
) q
cross join lateral (
    select * from metered_interval
    where point_id = q.point_id and start >= at_us(q.first) and start < at_us(q.past)
      and start >= $4::timestamptz and start < $5::timestamptz
    union all
    select * from (
        select * from metered_interval
        where q.gridded and point_id = q.point_id and start < at_us(q.first) and start > at_us(q.first) - interval '1 day'
          and start > $4::timestamptz - interval '1 day' and start < $5::timestamptz
        order by start desc limit 1
    ) before
    where start + seconds * interval '1 second' > at_us(q.first)
    offset 0
) i;

-- name: intervals_supersede
-- What was shown goes, and is kept as a version that change $3 replaced, unless nobody can have seen it.
with gone as (
    delete from metered_interval i
    using unnest($1::integer[], $2::bigint[]) q (point_id, start)
    where i.point_id = q.point_id and i.start = at_us(q.start)
    returning i.*
)
insert into interval_version
    (point_id, seconds, start, consumption, expected, received, quality, method, since, until, change_id)
select point_id, seconds, start, consumption, expected, received, quality, method, since, now(), $3
from gone where since < now();

-- name: intervals_15m
select point_id, start, seconds, coalesce(consumption, 'NaN'), quality, method, expected, received
from metered_interval
where point_id = any($1) and start >= $2 and start < $3;

-- name: intervals_hour
select point_id, start, seconds, coalesce(consumption, 'NaN'), quality, intervals, expected, received, estimated, edited
from rollup_hour
where point_id = any($1) and start >= $2 and start < $3;

-- name: intervals_day
select point_id, start, seconds, coalesce(consumption, 'NaN'), quality, intervals, expected, received, estimated, edited
from rollup_day
where point_id = any($1) and start >= $2 and start < $3;

-- name: roll_up_hours
-- Hours $2 (UTC) of points $1, made again from their intervals. Returns those without any interval.
with bucket as materialized (
    select q.point_id, at_us(q.start) as start, s.*
    from unnest($1::integer[], $2::bigint[]) q (point_id, start)
    cross join lateral interval_sums(q.point_id, at_us(q.start), at_us(q.start) + interval '1 hour') s
), written as (
    insert into rollup_hour as r
        (point_id, start, seconds, consumption, expected, received, quality, intervals, estimated, edited)
    select point_id, start, seconds, consumption, expected, received, quality, intervals, estimated, edited
    from bucket where quality is not null
    on conflict (point_id, start) do update set
        seconds = excluded.seconds, consumption = excluded.consumption, expected = excluded.expected,
        received = excluded.received, quality = excluded.quality, intervals = excluded.intervals,
        estimated = excluded.estimated, edited = excluded.edited
    where (r.seconds, r.consumption, r.expected, r.received, r.quality, r.intervals, r.estimated, r.edited)
        is distinct from
          (excluded.seconds, excluded.consumption, excluded.expected, excluded.received, excluded.quality,
           excluded.intervals, excluded.estimated, excluded.edited)
)
select point_id, start from bucket where quality is null;

-- name: roll_up_days
-- The days in zone $3 that hold the instants $2 of points $1, likewise; what was proved of them is to be proved again. A
-- day may begin at 01:00, when the clock is put forward at midnight.
with day as materialized (
    select distinct q.point_id, date_trunc('day', at_us(q.start), $3::text) as start
    from unnest($1::integer[], $2::bigint[]) q (point_id, start)
), bucket as materialized (
    select d.point_id, d.start, s.*
    from day d
    cross join lateral interval_sums(
        d.point_id, d.start, (date_trunc('day', d.start at time zone $3::text) + interval '1 day') at time zone $3::text
    ) s
), written as (
    insert into rollup_day as r
        (point_id, start, seconds, consumption, expected, received, quality, intervals, estimated, edited)
    select point_id, start, seconds, consumption, expected, received, quality, intervals, estimated, edited
    from bucket where quality is not null
    on conflict (point_id, start) do update set
        seconds = excluded.seconds, consumption = excluded.consumption, expected = excluded.expected,
        received = excluded.received, quality = excluded.quality, intervals = excluded.intervals,
        estimated = excluded.estimated, edited = excluded.edited
    where (r.seconds, r.consumption, r.expected, r.received, r.quality, r.intervals, r.estimated, r.edited)
        is distinct from
          (excluded.seconds, excluded.consumption, excluded.expected, excluded.received, excluded.quality,
           excluded.intervals, excluded.estimated, excluded.edited)
), unproved as (
    update proof p set stale = true
    from day d
    where d.start < now() - interval '1 day'  -- one that still runs has no proof
        and p.point_id = d.point_id and p.day = (d.start at time zone $3::text)::date and not p.stale
)
select point_id, start from bucket where quality is null;

-- name: rezone_lock
-- Nobody else writes days until the transaction ends; reading goes on. In the order in which ingest writes them.
lock table late_day, rollup_day in share row exclusive mode;

-- name: rezone_forget
delete from rollup_day r
using point p
join metering_point m on m.id = p.metering_point_id
join enterprise e on e.id = m.enterprise_id
where r.point_id = p.id and e.uscc = any($1::text[]);

-- name: rezone_days
-- All days of the enterprises $1, made of their intervals. As in roll_up_days, a day may begin at 01:00.
with day as materialized (
    select distinct p.id as point_id, e.zone, date_trunc('day', i.start, e.zone) as start
    from enterprise e
    join metering_point m on m.enterprise_id = e.id
    join point p on p.metering_point_id = m.id
    join metered_interval i on i.point_id = p.id
    where e.uscc = any($1::text[])
)
insert into rollup_day
    (point_id, start, seconds, consumption, expected, received, quality, intervals, estimated, edited)
select d.point_id, d.start, s.seconds, s.consumption, s.expected, s.received, s.quality, s.intervals, s.estimated,
    s.edited
from day d
cross join lateral interval_sums(
    d.point_id, d.start, (date_trunc('day', d.start at time zone d.zone) + interval '1 day') at time zone d.zone
) s;

-- name: empty_hours
delete from rollup_hour r using unnest($1::integer[], $2::timestamptz[]) q (point_id, start)
where r.point_id = q.point_id and r.start = q.start;

-- name: empty_days
delete from rollup_day r using unnest($1::integer[], $2::timestamptz[]) q (point_id, start)
where r.point_id = q.point_id and r.start = q.start;

-- name: rollup_hour_differences
with bucket as (
    select point_id, date_trunc('hour', start, 'UTC') as start from metered_interval
    where point_id = any($1) and start >= at_us($2) and start < at_us($3)
    union
    select point_id, start from rollup_hour
    where point_id = any($1) and start >= at_us($2) and start < at_us($3)
)
select b.point_id, (extract(epoch from b.start) * 1000000)::bigint as start, to_json(r)::text as stored, to_json(s)::text as proper
from bucket b
left join rollup_hour r on r.point_id = b.point_id and r.start = b.start
cross join lateral interval_sums(b.point_id, b.start, b.start + interval '1 hour') s
where s.quality is null
    or (r.seconds, r.consumption, r.expected, r.received, r.quality, r.intervals, r.estimated, r.edited)
        is distinct from
       (s.seconds, s.consumption, s.expected, s.received, s.quality, s.intervals, s.estimated, s.edited)
order by b.point_id, 2;

-- name: rollup_day_differences
with zoned as (
    select p.id as point_id, e.zone from point p
    join metering_point m on m.id = p.metering_point_id join enterprise e on e.id = m.enterprise_id
    where p.id = any($1)
), bucket as (
    select point_id, zone, date_trunc('day', i.start, zone) as start from zoned join metered_interval i using (point_id)
    where i.start >= at_us($2) and i.start < at_us($3)
    union
    select point_id, zone, r.start from zoned join rollup_day r using (point_id)
    where r.start >= at_us($2) and r.start < at_us($3)
)
select b.point_id, (extract(epoch from b.start) * 1000000)::bigint as start, to_json(r)::text as stored, to_json(s)::text as proper
from bucket b
left join rollup_day r on r.point_id = b.point_id and r.start = b.start
cross join lateral interval_sums(
    b.point_id,
    date_trunc('day', b.start, b.zone),
    (date_trunc('day', b.start at time zone b.zone) + interval '1 day') at time zone b.zone
) s
where s.quality is null or b.start <> date_trunc('day', b.start, b.zone)
    or (r.seconds, r.consumption, r.expected, r.received, r.quality, r.intervals, r.estimated, r.edited)
        is distinct from
       (s.seconds, s.consumption, s.expected, s.received, s.quality, s.intervals, s.estimated, s.edited)
order by b.point_id, 2;

-- name: dirty_add
insert into dirty_range (point_id, from_time, to_time, change_id)
select point_id, at_us(first), at_us(past), $4
from unnest($1::integer[], $2::bigint[], $3::bigint[]) q (point_id, first, past);

-- name: dirty_take
-- The oldest ranges of one change.
delete from dirty_range
where id in (
    select id from dirty_range
    where change_id is not distinct from (select change_id from dirty_range order by id limit 1)
    order by id limit $1
)
returning point_id, (extract(epoch from from_time) * 1000000)::bigint as first,
    (extract(epoch from to_time) * 1000000)::bigint as past, change_id;
