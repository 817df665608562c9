-- The registry as tables, read and written by storage/registry*.py. Lists of rows go in as one JSON parameter.

-- name: registry_lock
select pg_advisory_xact_lock($1);

-- name: registry_enterprises
select
    id, uscc, name, region, industry, site, zone, staff::text, equipment::text, stock::text,
    calorific_values::text
from enterprise
where $1::text[] is null or uscc = any($1) order by uscc;

-- name: registry_metering_points
select
    enterprise.uscc, metering_point.id, metering_point.code, metering_point.name, metering_point.carrier,
    metering_point.level, metering_point.direction, metering_point.boundary, parent.code as parent,
    metering_point.quantities, metering_point.required, metering_point.required_class, metering_point.formula::text
from metering_point
join enterprise on enterprise.id = metering_point.enterprise_id
left join metering_point as parent on parent.id = metering_point.parent_id
where enterprise.id = any($1::integer[])
order by metering_point.id;

-- name: registry_meters
select
    enterprise.uscc, meter.id, meter.code, meter.name, meter.category, meter.place, meter.purpose, meter.verified_on,
    meter.verification_months, meter.maker, meter.model, meter.serial, meter.accuracy_class, meter.range,
    meter.certificate, meter.verified_until, meter.state, meter.profile, meter.rated_per_hour,
    connection.driver, connection.address, connection.unit, connection.cadence_s, connection.baud, connection.mapping,
    connection.enabled, connection.expected_from
from meter
join enterprise on enterprise.id = meter.enterprise_id
left join connection on connection.meter_id = meter.id
where enterprise.id = any($1::integer[])
order by meter.id;

-- name: registry_installations
select
    installation.id, installation.meter_id, metering_point.code as at, installation.valid_from, installation.valid_to,
    installation.initial::text, installation.final::text
from installation
join meter on meter.id = installation.meter_id
join metering_point on metering_point.id = installation.metering_point_id
where meter.enterprise_id = any($1::integer[])
order by installation.meter_id, installation.valid_from;

-- name: registry_ratios
select ratio.installation_id, ratio.valid_from, ratio.ct, ratio.pt
from ratio
join installation on installation.id = ratio.installation_id
join meter on meter.id = installation.meter_id
where meter.enterprise_id = any($1::integer[])
order by ratio.installation_id, ratio.valid_from;

-- name: registry_points
select enterprise.uscc, metering_point.code, point.quantity, point.id
from point
join metering_point on metering_point.id = point.metering_point_id
join enterprise on enterprise.id = metering_point.enterprise_id
where enterprise.id = any($1::integer[]);

-- name: registry_segments
select
    array_agg(segment.point_id) as points, segment.valid_from, segment.valid_to, meter.code, segment.multiplier,
    segment.modulus, segment.resolution, segment.limit_per_hour, segment.initial, segment.final
from segment
join meter on meter.id = segment.meter_id
where meter.enterprise_id = any($1::integer[])
group by
    meter.id, segment.valid_from, segment.valid_to, segment.multiplier, segment.modulus, segment.resolution,
    segment.limit_per_hour, segment.initial, segment.final
order by segment.valid_from;

-- name: registry_schedules
select array_agg(schedule.point_id) as points, schedule.valid_from, schedule.cadence_s
from schedule
join point on point.id = schedule.point_id
join metering_point on metering_point.id = point.metering_point_id
where metering_point.enterprise_id = any($1::integer[])
group by schedule.valid_from, schedule.cadence_s
order by schedule.valid_from;

-- name: registry_grids
-- Instants as microseconds since the epoch.
select array_agg(grid.point_id) as points, (extract(epoch from grid.valid_from) * 1000000)::bigint as valid_from, seconds
from grid
join point on point.id = grid.point_id
join metering_point on metering_point.id = point.metering_point_id
where metering_point.enterprise_id = any($1::integer[])
group by grid.valid_from, grid.seconds
order by grid.valid_from;

-- name: registry_profiles
select name, body::text from profile order by name;

-- name: registry_mappings
select name, body::text from payload_mapping order by name;

-- name: registry_users
-- Enterprises that use one of these profiles or payload mappings.
select distinct enterprise.uscc
from meter
join enterprise on enterprise.id = meter.enterprise_id
left join connection on connection.meter_id = meter.id
where meter.profile = any($1::text[]) or connection.mapping = any($2::text[]);

-- name: registry_neighbours
select
    enterprise.uscc, meter.code, meter.profile, connection.driver, connection.address, connection.unit,
    connection.cadence_s, connection.baud
from connection
join meter on meter.id = connection.meter_id
join enterprise on enterprise.id = meter.enterprise_id
where connection.enabled and lower(connection.address) = any($1::text[]) and enterprise.id <> all($2::integer[]);

-- name: registry_put_enterprises
insert into enterprise (uscc, name, region, industry, site, zone, staff, equipment, stock, calorific_values)
select uscc, name, region, industry, site, zone, staff, equipment, stock, calorific_values
from json_to_recordset($1::json) as new (
    uscc text, name text, region text, industry text, site text, zone text, staff jsonb, equipment jsonb, stock jsonb,
    calorific_values jsonb
)
on conflict (uscc) do update set
    name = excluded.name, region = excluded.region, industry = excluded.industry, site = excluded.site,
    zone = excluded.zone, staff = excluded.staff, equipment = excluded.equipment, stock = excluded.stock,
    calorific_values = excluded.calorific_values
returning uscc, id;

-- name: registry_put_metering_points
insert into metering_point (
    enterprise_id, code, name, carrier, level, direction, boundary, quantities, required, required_class, formula
)
select
    enterprise.id, code, new.name, carrier, level, direction, boundary, quantities, required, required_class,
    nullif(formula, 'null')
from json_to_recordset($1::json) as new (
    row integer, uscc text, code text, name text, carrier text, level smallint, direction text, boundary boolean,
    quantities text[], required boolean, required_class text, formula jsonb
)
join enterprise using (uscc)
order by row
on conflict (enterprise_id, code) do update set
    name = excluded.name, carrier = excluded.carrier, level = excluded.level, direction = excluded.direction,
    boundary = excluded.boundary, quantities = excluded.quantities, required = excluded.required,
    required_class = excluded.required_class, formula = excluded.formula, parent_id = null;

-- name: registry_put_parents
update metering_point set parent_id = parent.id
from json_to_recordset($1::json) as new (uscc text, code text, parent text)
join enterprise using (uscc)
join metering_point as parent on parent.enterprise_id = enterprise.id and parent.code = new.parent
where metering_point.enterprise_id = enterprise.id and metering_point.code = new.code;

-- name: registry_put_meters
insert into meter (
    enterprise_id, code, name, category, maker, model, serial, accuracy_class, range, place, purpose, certificate,
    verified_on, verification_months, verified_until, state, profile, rated_per_hour
)
select
    enterprise.id, code, new.name, category, maker, model, serial, accuracy_class, range, place, purpose, certificate,
    verified_on, verification_months, verified_until, state, profile, rated_per_hour
from json_to_recordset($1::json) as new (
    row integer, uscc text, code text, name text, category text, maker text, model text, serial text,
    accuracy_class text, range text, place text, purpose text, certificate text, verified_on date,
    verification_months integer, verified_until date, state text, profile text, rated_per_hour double precision
)
join enterprise using (uscc)
order by row
on conflict (enterprise_id, code) do update set
    name = excluded.name, category = excluded.category, maker = excluded.maker, model = excluded.model,
    serial = excluded.serial, accuracy_class = excluded.accuracy_class, range = excluded.range, place = excluded.place,
    purpose = excluded.purpose, certificate = excluded.certificate, verified_on = excluded.verified_on,
    verification_months = excluded.verification_months, verified_until = excluded.verified_until, state = excluded.state, profile = excluded.profile,
    rated_per_hour = excluded.rated_per_hour;

-- name: registry_drop_connections
delete from connection
using json_to_recordset($1::json) as gone (uscc text, code text), meter, enterprise
where enterprise.uscc = gone.uscc and meter.enterprise_id = enterprise.id and meter.code = gone.code
    and connection.meter_id = meter.id;

-- name: registry_put_connections
insert into connection (meter_id, driver, address, unit, cadence_s, baud, mapping, enabled, expected_from)
select meter.id, driver, address, unit, cadence_s, baud, mapping, enabled, expected_from
from json_to_recordset($1::json) as new (
    row integer, uscc text, code text, driver text, address text, unit integer, cadence_s integer, baud integer,
    mapping text, enabled boolean, expected_from timestamptz
)
join enterprise using (uscc)
join meter on meter.enterprise_id = enterprise.id and meter.code = new.code
order by row
on conflict (meter_id) do update set
    driver = excluded.driver, address = excluded.address, unit = excluded.unit, cadence_s = excluded.cadence_s,
    baud = excluded.baud, mapping = excluded.mapping, enabled = excluded.enabled,
    expected_from = excluded.expected_from;

-- name: registry_drop_installations
delete from installation
using json_to_recordset($1::json) as gone (uscc text, code text), meter, enterprise
where enterprise.uscc = gone.uscc and meter.enterprise_id = enterprise.id and meter.code = gone.code
    and installation.meter_id = meter.id;

-- name: registry_put_installations
with put as (
    insert into installation (meter_id, metering_point_id, valid_from, valid_to, initial, final)
    select meter.id, metering_point.id, valid_from, valid_to, initial, final
    from json_to_recordset($1::json) as new (
        uscc text, code text, at text, valid_from timestamptz, valid_to timestamptz, initial jsonb, final jsonb
    )
    join enterprise using (uscc)
    join meter on meter.enterprise_id = enterprise.id and meter.code = new.code
    join metering_point on metering_point.enterprise_id = enterprise.id and metering_point.code = new.at
    returning id, meter_id, valid_from
)
select enterprise.uscc, meter.code, put.valid_from, put.id
from put
join meter on meter.id = put.meter_id
join enterprise on enterprise.id = meter.enterprise_id;

-- name: registry_put_points
insert into point (metering_point_id, quantity)
select metering_point.id, quantity
from json_to_recordset($1::json) as new (row integer, uscc text, code text, quantity text)
join enterprise using (uscc)
join metering_point on metering_point.enterprise_id = enterprise.id and metering_point.code = new.code
order by row
on conflict (metering_point_id, quantity) do nothing;

-- name: registry_drop_grids
delete from grid where point_id = any($1::integer[]);

-- name: registry_put_grids
insert into grid (point_id, valid_from, seconds)
select point_id, at_us(valid_from), seconds
from unnest($1::integer[], $2::bigint[], $3::integer[]) new (point_id, valid_from, seconds);

-- name: registry_drop_segments
delete from segment where point_id = any($1::integer[]);

-- name: registry_drop_schedules
-- What was expected until now is kept, also that nothing was: answers as of an earlier instant need it. Until now, not
-- until the transaction began: it may have been reading for a while. All rows of a point have one `until`.
with gone as (delete from schedule where point_id = any($1::integer[]) returning *)
insert into schedule_version (point_id, valid_from, cadence_s, until)
select point.id, coalesce(valid_from, 'epoch'), cadence_s, statement_timestamp()
from point left join gone on point_id = point.id
where point.id = any($1::integer[]) and since < now();

-- name: registry_put_profiles
insert into profile (name, body)
select name, body from json_to_recordset($1::json) as new (name text, body jsonb)
on conflict (name) do update set body = excluded.body;

-- name: registry_put_mappings
insert into payload_mapping (name, body)
select name, body from json_to_recordset($1::json) as new (name text, body jsonb)
on conflict (name) do update set body = excluded.body;

-- name: registry_analyze
analyze enterprise, metering_point, meter, installation, ratio, connection, point, segment, schedule;
