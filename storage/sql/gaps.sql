-- Gaps: stretches of missing readings. Instants go in and out as microseconds since the epoch.

-- name: gap_places
-- Metering points as sentences name them.
select
    metering_point.id, metering_point.code, metering_point.name,
    enterprise.id as enterprise_id, enterprise.uscc, enterprise.name as enterprise, enterprise.zone, enterprise.site
from metering_point
join enterprise on enterprise.id = metering_point.enterprise_id;

-- name: gap_meters
select
    meter.id, meter.code, coalesce(connection.address, '') as address, coalesce(connection.enabled, true) as enabled,
    coalesce(connection.driver, '') as driver
from meter
left join connection on connection.meter_id = meter.id;

-- name: gap_last_readings
-- The last reading of each point asked for that has any. received: null if it was a late delivery (flag 1).
select point.id, (extract(epoch from last.time) * 1000000)::bigint as time,
    case when last.flags & 1 = 0 then (extract(epoch from last.received) * 1000000)::bigint end as received
from unnest($1::integer[]) as point (id)
cross join lateral (
    select reading.time, reading.received, reading.flags from reading
    where reading.point_id = point.id order by reading.time desc limit 1
) as last;

-- name: gap_holes
-- Per range (its number counts from 1): the readings around it and pairs of readings that follow each other at more
-- than the limit. low: the last reading before the range, 0: none; high: the first after it, null: none.
-- after null: the last reading of all.
select
    range.number::integer,
    (extract(epoch from around.low) * 1000000)::bigint as low,
    (extract(epoch from around.high) * 1000000)::bigint as high,
    (extract(epoch from hole.time) * 1000000)::bigint as before,
    (extract(epoch from hole.next) * 1000000)::bigint as after
from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[])
    with ordinality as range (point_id, start, stop, least, number)
cross join lateral (
    select
        timestamptz 'epoch' + range.start * interval '1 microsecond' as start,
        timestamptz 'epoch' + range.stop * interval '1 microsecond' as stop,
        range.least * interval '1 microsecond' as least
) as bound
cross join lateral (
    select
        coalesce((
            select reading.time from reading
            where reading.point_id = range.point_id and reading.time < bound.start
            order by reading.time desc limit 1
        ), timestamptz 'epoch') as low,
        (
            select reading.time from reading
            where reading.point_id = range.point_id and reading.time > bound.stop
            order by reading.time limit 1
        ) as high
    offset 0  -- else both may be looked up again for every reading of the range
) as around
left join lateral (
    select pair.time, pair.next
    from (
        select every.time, lead(every.time) over (order by every.time) as next
        from (
            select around.low as time
            union all
            select reading.time from reading
            where reading.point_id = range.point_id and reading.time between bound.start and bound.stop
            union all
            select around.high where around.high is not null
        ) as every
    ) as pair
    where pair.next - pair.time > bound.least or (pair.next is null and around.high is null)
) as hole on true
order by range.number, hole.time;

-- name: gap_open_between
-- Gaps of points, open or accepted, that lie between two readings (high null: to the end of time).
select
    gap.id, range.number::integer,
    (extract(epoch from gap.from_time) * 1000000)::bigint as from_us,
    (extract(epoch from gap.to_time) * 1000000)::bigint as to_us,
    gap.missing
from unnest($1::integer[], $2::bigint[], $3::bigint[])
    with ordinality as range (point_id, low, high, number)
join gap on gap.point_id = range.point_id and gap.state <> 'closed'
    and gap.from_time >= timestamptz 'epoch' + range.low * interval '1 microsecond'
    and (range.high is null or gap.from_time < timestamptz 'epoch' + range.high * interval '1 microsecond')
order by range.number, gap.from_time;

-- name: gap_open_points
-- Per point with gaps open or accepted: since when one lasts (null: none does).
select point_id, (extract(epoch from max(from_time) filter (where to_time is null)) * 1000000)::bigint as since,
    bool_or(to_time is not null) as holed
from gap where state <> 'closed' group by point_id;

-- name: gap_filled
-- Gaps open or accepted in which there are readings: something came unnoticed.
select gap.point_id, (extract(epoch from gap.from_time) * 1000000)::bigint as from_us,
    (extract(epoch from gap.to_time) * 1000000)::bigint as to_us
from gap
where gap.state <> 'closed' and exists (
    select from reading
    where reading.point_id = gap.point_id and reading.time >= gap.from_time
        and reading.time < coalesce(gap.to_time, 'infinity')
);

-- name: gap_insert
insert into gap (opened_at, point_id, from_time, to_time, cadence_s, planned, missing)
select
    at_us($1), new.point_id, at_us(new.from_us), at_us(new.to_us), new.cadence_s,
    exists (
        select from planned_gap
        where planned_gap.point_id = new.point_id
            and at_us(new.from_us) >= planned_gap.from_time and at_us(new.from_us) < planned_gap.to_time
    ),
    new.missing
from unnest($2::integer[], $3::bigint[], $4::bigint[], $5::integer[], $6::integer[])
    as new (point_id, from_us, to_us, cadence_s, missing)
returning id;

-- name: gap_update
update gap set
    from_time = timestamptz 'epoch' + new.from_us * interval '1 microsecond',
    to_time = timestamptz 'epoch' + new.to_us * interval '1 microsecond',
    cadence_s = new.cadence_s, missing = new.missing, judged = false
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::integer[], $5::integer[])
    as new (id, from_us, to_us, cadence_s, missing)
where gap.id = new.id;

-- name: gap_close
-- The first reading in it tells how it was filled.
update gap set state = 'closed', missing = 0, closed_at = at_us($2), closed_by = coalesce((
    select case when reading.flags & 1 = 0 then 'live' else 'backfill' end
    from reading
    where reading.point_id = gap.point_id and reading.time >= gap.from_time
        and reading.time < coalesce(gap.to_time, 'infinity')
    order by reading.time limit 1
), 'not_expected')
where id = any($1::bigint[]);

-- name: gap_unjudged
-- Gaps whose cause is to be looked for, that are over.
select
    id, (extract(epoch from from_time) * 1000000)::bigint as from_us,
    (extract(epoch from to_time) * 1000000)::bigint as to_us
from gap
where not judged and state <> 'closed' and to_time is not null;

-- name: gap_around
-- All gaps, also closed ones, of which some part lies in one of the stretches from $1 to $2, both included.
select
    id, point_id, (extract(epoch from from_time) * 1000000)::bigint as from_us,
    (extract(epoch from to_time) * 1000000)::bigint as to_us, lead, group_id, (state <> 'closed')::integer as missing, scope
from gap
where tstzrange(from_time, to_time) && (
    select range_agg(tstzrange(at_us(since), at_us(until), '[]'))
    from unnest($1::bigint[], $2::bigint[]) as stretch (since, until)
);

-- name: gap_grounds
-- What speaks for itself of gaps $1 at instants $2: since when the meter refused the register then, how many of the
-- readings of the gap were rejected (of a gap that lasts until $3), and why.
select
    gap.id, refused.since as refused, coalesce(rejected.readings, 0) as readings,
    coalesce(rejected.reasons, '{}') as reasons
from unnest($1::bigint[], $2::bigint[]) as asked (id, at)
join gap on gap.id = asked.id
left join lateral (
    select max(from_time) as since from refusal
    where refusal.point_id = gap.point_id and from_time <= at_us(asked.at)
        and (to_time is null or to_time > at_us(asked.at))
) as refused on true
left join lateral (
    select sum(readings)::bigint as readings, array_agg(distinct reason) as reasons from rejection
    where rejection.point_id = gap.point_id and hour > gap.from_time - interval '1 hour'
        and last_time >= gap.from_time and first_time < coalesce(gap.to_time, at_us($3))
) as rejected on true
where refused.since is not null or rejected.readings > 0;

-- name: gap_judged
update gap set
    lead = new.lead, group_id = new.group_id, evident = new.cause, scope = new.scope, evidence = new.evidence,
    judged = true
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::jsonb[])
    as new (id, lead, group_id, cause, scope, evidence)
where gap.id = new.id
    and (gap.judged, gap.lead, gap.group_id, gap.evident, gap.scope)
        is distinct from (true, new.lead, new.group_id, new.cause, new.scope);

-- name: gap_allocated
-- Items that are over and in one of the states $1 become `estimated` while the intervals of all their quantities that
-- have intervals know the energy, else `open`.
with item as (
    select coalesce(gap.lead, gap.id) as id, coalesce(bool_and(known.whole), false) as whole
    from gap
    left join lateral (
        select coalesce(sum(
            least(interval.start + interval.seconds * interval '1 second', gap.to_time)
            - greatest(interval.start, gap.from_time)
        ) filter (where interval.consumption is not null), '0') >= gap.to_time - gap.from_time as whole
        from metered_interval as interval
        where interval.point_id = gap.point_id and interval.start > gap.from_time - interval '1 day'
            and interval.start < gap.to_time
            and interval.start + interval.seconds * interval '1 second' > gap.from_time
        having count(*) > 0
    ) as known on true
    where gap.state = any($1::text[]) and gap.to_time is not null
    group by 1
)
update gap set state = case when item.whole then 'estimated' else 'open' end
from item
where coalesce(gap.lead, gap.id) = item.id and gap.state in ('open', 'estimated') and gap.to_time is not null
    and (gap.state = 'estimated') <> item.whole;

-- name: watched_until
select (extract(epoch from until) * 1000000)::bigint from watched;

-- name: watched_set
insert into watched (until) values (timestamptz 'epoch' + $1::bigint * interval '1 microsecond')
on conflict (one) do update set until = excluded.until;
