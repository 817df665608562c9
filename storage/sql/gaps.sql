-- Gaps: stretches of missing readings. Instants go in and out as microseconds since the epoch.

-- name: gap_places
-- Metering points as sentences name them.
select
    metering_point.id, metering_point.code, metering_point.name,
    enterprise.id as enterprise_id, enterprise.uscc, enterprise.name as enterprise, enterprise.zone
from metering_point
join enterprise on enterprise.id = metering_point.enterprise_id;

-- name: gap_meters
select
    meter.id, meter.code, coalesce(connection.address, '') as address, coalesce(connection.enabled, true) as enabled
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
insert into gap (opened_at, point_id, from_time, to_time, cadence_s, cause, missing)
select
    timestamptz 'epoch' + $1::bigint * interval '1 microsecond', new.point_id,
    timestamptz 'epoch' + new.from_us * interval '1 microsecond',
    timestamptz 'epoch' + new.to_us * interval '1 microsecond', new.cadence_s,
    case when exists (
        select from planned_gap
        where planned_gap.point_id = new.point_id
            and timestamptz 'epoch' + new.from_us * interval '1 microsecond' >= planned_gap.from_time
            and timestamptz 'epoch' + new.from_us * interval '1 microsecond' < planned_gap.to_time
    ) then 'planned' else 'silent' end,
    new.missing
from unnest($2::integer[], $3::bigint[], $4::bigint[], $5::integer[], $6::integer[])
    as new (point_id, from_us, to_us, cadence_s, missing);

-- name: gap_update
update gap set
    from_time = timestamptz 'epoch' + new.from_us * interval '1 microsecond',
    to_time = timestamptz 'epoch' + new.to_us * interval '1 microsecond',
    cadence_s = new.cadence_s, missing = new.missing
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::integer[], $5::integer[])
    as new (id, from_us, to_us, cadence_s, missing)
where gap.id = new.id;

-- name: gap_close
update gap set state = 'closed', closed_by = $2, missing = 0,
    closed_at = timestamptz 'epoch' + $3::bigint * interval '1 microsecond'
where id = any($1::bigint[]);

-- name: watched_until
select (extract(epoch from until) * 1000000)::bigint from watched;

-- name: watched_set
insert into watched (until) values (timestamptz 'epoch' + $1::bigint * interval '1 microsecond')
on conflict (one) do update set until = excluded.until;

-- name: gap_page
-- Newest first. $1 enterprise, $2 region prefix, $3 state: null is any; $4: ids below.
select
    gap.id, enterprise.uscc, enterprise.zone, metering_point.code as metering_point, point.quantity,
    gap.from_time, gap.to_time, gap.cause, gap.state, gap.assignee, gap.opened_at,
    case when gap.state <> 'closed' and gap.to_time is null
        then greatest(ceil(extract(epoch from now() - gap.from_time) / gap.cadence_s), gap.missing)::integer
        else gap.missing
    end as missing
from gap
join point on point.id = gap.point_id
join metering_point on metering_point.id = point.metering_point_id
join enterprise on enterprise.id = metering_point.enterprise_id
where ($1::text is null or enterprise.uscc = $1)
    and ($2::text is null or starts_with(enterprise.region, $2))
    and ($3::text is null or gap.state = $3)
    and ($4::bigint is null or gap.id < $4)
order by gap.id desc
limit $5;

-- name: gap_claim
-- Gap $1 if it is within the asker's bounds, locked. $2 enterprise, $3 region prefix; null: no such bound.
select gap.state, gap.to_time
from gap
join point on point.id = gap.point_id
join metering_point on metering_point.id = point.metering_point_id
join enterprise on enterprise.id = metering_point.enterprise_id
where gap.id = $1
    and ($2::text is null or enterprise.uscc = $2) and ($3::text is null or starts_with(enterprise.region, $3))
for update of gap;

-- name: gap_accept
update gap set state = 'accepted' where id = $1;

-- name: gap_assign
update gap set assignee = $2 where id = $1;

-- name: gap_record
insert into gap_event (gap_id, actor, action, note) values ($1, $2, $3, $4);

-- name: gap_events
select at, actor, action, note from gap_event where gap_id = $1 order by id;
