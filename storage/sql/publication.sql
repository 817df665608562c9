-- What a collector must know of each connection that is to be read now. The points are gathered once for all: looked
-- up for each connection they take minutes right after a large apply, when the planner knows nothing of the tables yet.

-- name: connection_documents
-- What a connection has not (the unit of an MQTT device) is left out.
with fed as (
    select segment.meter_id, point.metering_point_id, json_object_agg(point.quantity, point.id order by point.id) as points
    from segment
    join point on point.id = segment.point_id
    where segment.valid_from <= now() and (segment.valid_to is null or segment.valid_to > now())
    group by segment.meter_id, point.metering_point_id
)
select connection.id, json_strip_nulls(json_build_object(
    'id', connection.id,
    'uscc', enterprise.uscc,
    'meter', meter.code,
    'metering_point', metering_point.code,
    'site', enterprise.site,
    'driver', connection.driver,
    'address', connection.address,
    'unit', connection.unit,
    'cadence_s', connection.cadence_s,
    'profile', meter.profile,
    'mapping', connection.mapping,
    'points', fed.points
))::text as document
from connection
join meter on meter.id = connection.meter_id
join enterprise on enterprise.id = meter.enterprise_id
join installation on installation.meter_id = meter.id
    and installation.valid_from <= now() and (installation.valid_to is null or installation.valid_to > now())
join metering_point on metering_point.id = installation.metering_point_id
join fed on fed.meter_id = meter.id and fed.metering_point_id = metering_point.id
where connection.enabled
order by connection.id;

-- name: next_installation_border
select now() as now, min(border) as border
from (select valid_from as border from installation union all select valid_to from installation) as borders
where border > coalesce($1::timestamptz, now());
