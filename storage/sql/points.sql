-- What ingest, api and watch must know of every point; read as one snapshot by storage/points.py.
-- Instants leave as microseconds since the epoch.

-- name: registry_revision
select coalesce((
    select id from audit
    where kind in ('enterprise', 'metering_point', 'meter', 'profile', 'mapping', 'point', 'threshold', 'edit')
    order by id desc limit 1
), 0) as revision;

-- name: point_rows
select
    point.id, point.quantity, metering_point.id as metering_point_id, metering_point.code as metering_point,
    metering_point.carrier, metering_point.direction, enterprise.id as enterprise_id, enterprise.uscc, enterprise.zone
from point
join metering_point on metering_point.id = point.metering_point_id
join enterprise on enterprise.id = metering_point.enterprise_id
order by point.id;

-- name: segment_rows
select
    array_agg(point_id) as points,
    (extract(epoch from valid_from) * 1000000)::bigint as valid_from,
    (extract(epoch from valid_to) * 1000000)::bigint as valid_to,
    meter_id, multiplier, modulus, resolution, limit_per_hour, initial, final
from segment
group by
    meter_id, segment.valid_from, segment.valid_to, multiplier, modulus, resolution, limit_per_hour, initial, final
order by segment.valid_from;

-- name: schedule_rows
select array_agg(point_id) as points, (extract(epoch from valid_from) * 1000000)::bigint as valid_from, cadence_s
from schedule
group by schedule.valid_from, cadence_s
order by schedule.valid_from;

-- name: grid_rows
select array_agg(point_id) as points, (extract(epoch from valid_from) * 1000000)::bigint as valid_from, seconds
from grid
group by grid.valid_from, seconds
order by grid.valid_from;

-- name: formula_rows
select enterprise.uscc, metering_point.code, metering_point.formula::text
from metering_point
join enterprise on enterprise.id = metering_point.enterprise_id
where metering_point.formula is not null;

-- name: edit_rows
select
    point_id, id, action, (extract(epoch from from_time) * 1000000)::bigint as start,
    (extract(epoch from to_time) * 1000000)::bigint as end, amount
from edit
where undone_at is null
order by id;

-- name: device_rows
select
    meter.id, meter.code, enterprise.uscc, coalesce(connection.driver, '') as driver,
    coalesce(connection.mapping, '') as mapping, coalesce(connection.cadence_s, 0) as cadence_s
from meter
join enterprise on enterprise.id = meter.enterprise_id
left join connection on connection.meter_id = meter.id
order by meter.id;

-- name: installation_rows
select
    meter_id, metering_point_id,
    (extract(epoch from valid_from) * 1000000)::bigint as valid_from,
    (extract(epoch from valid_to) * 1000000)::bigint as valid_to
from installation
order by meter_id, installation.valid_from;
