-- What one number rests on. $1 is a point; ranges go in as timestamptz.

-- name: lineage_intervals
-- Intervals that start in [$2, $3) with all they showed until $4, the newest first: those of now and their versions.
select start, seconds, consumption, quality, method, expected, received, since, null::timestamptz as until,
    null::timestamptz as changed_at, null as actor, null as reason
from metered_interval
where point_id = $1 and start >= $2 and start < $3 and since <= $4
union all
select start, seconds, consumption, quality, method, expected, received, since, until, change.at, actor, reason
from interval_version join change on change.id = change_id
where point_id = $1 and start >= $2 and start < $3 and since <= $4
order by start, since desc
limit $5;

-- name: lineage_readings
-- The $3 readings up to each of the instants $2, and as many after it, of those that were stored by $4.
select distinct r.time, r.value, r.flags, r.received, r.stored,
    exists (
        select from edit
        where point_id = $1 and action = 'exclude' and undone_at is null and r.time between from_time and to_time
    ) as excluded
from unnest($2::timestamptz[]) q (at)
cross join lateral (
    (select * from reading where point_id = $1 and time <= q.at and stored <= $4 order by time desc limit $3)
    union all
    (select * from reading where point_id = $1 and time > q.at and stored <= $4 order by time limit $3)
) r
order by r.time;

-- name: lineage_segments
-- Meters that counted in [$2, $3), with the ratios in force.
select
    segment.valid_from, segment.valid_to, segment.multiplier, segment.modulus, segment.resolution,
    segment.limit_per_hour, segment.initial, segment.final, meter.code as meter, meter.maker, meter.model, meter.serial,
    ratio.ct, ratio.pt, connection.driver, connection.address, connection.unit as unit_id, meter.profile,
    coalesce(connection.mapping, '') as mapping
from segment
join point on point.id = segment.point_id
join meter on meter.id = segment.meter_id
left join connection on connection.meter_id = meter.id
left join installation on installation.meter_id = meter.id and installation.metering_point_id = point.metering_point_id
    and installation.valid_from <= segment.valid_from
    and (installation.valid_to is null or installation.valid_to > segment.valid_from)
left join lateral (
    select ct, pt from ratio
    where installation_id = installation.id and valid_from <= segment.valid_from order by valid_from desc limit 1
) ratio on true
where segment.point_id = $1 and segment.valid_from < $3 and (segment.valid_to is null or segment.valid_to > $2)
order by segment.valid_from;

-- name: lineage_verdicts
-- Those about what reaches into [$2, $3).
select id, kind, base_time as base, from_time as "from", to_time as "to", told_time as told, detected_at,
    evidence::text
from verdict
where point_id = $1 and base_time < $3 and to_time >= $2
order by from_time
limit 100;

-- name: lineage_gaps
-- Gaps of enterprise $1 that reach into [$4, $5): of metering point $2, or, where that is null, of where meters $3 stand.
select
    metering_point.code as metering_point, gap.from_time as "from", gap.to_time as "to", gap.cause, gap.state,
    array_agg(point.quantity order by point.id) as quantities,
    max(case when gap.state <> 'closed' and gap.to_time is null
        then greatest(ceil(extract(epoch from now() - gap.from_time) / gap.cadence_s), gap.missing)::integer
        else gap.missing
    end) as missing
from gap
join point on point.id = gap.point_id
join metering_point on metering_point.id = point.metering_point_id
join enterprise on enterprise.id = metering_point.enterprise_id
where enterprise.uscc = $1 and gap.from_time < $5 and coalesce(gap.to_time, 'infinity') > $4
    and (metering_point.code = $2 or ($2::text is null and exists (
        select from installation join meter on meter.id = installation.meter_id
        where installation.metering_point_id = metering_point.id and meter.code = any($3::text[])
            and installation.valid_from < $5 and coalesce(installation.valid_to, 'infinity') > $4
    )))
group by metering_point.id, metering_point.code, gap.from_time, gap.to_time, gap.cause, gap.state
order by gap.from_time, metering_point.code
limit $6;

-- name: lineage_edits
-- Those that were in force at $4.
select id, action, from_time as "from", to_time as "to", amount, reason, actor, at
from edit
where point_id = $1 and from_time < $3 and to_time >= $2 and at <= $4 and (undone_at is null or undone_at > $4)
order by id
limit 100;
