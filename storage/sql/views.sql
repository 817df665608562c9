-- What people may see. Every query takes the asker's bounds first: $1 the only enterprise, $2 the region prefix;
-- null: no such bound. Lists are paged by key.

-- name: view_enterprises
-- $3 the one asked for, $4 codes above, $5 limit.
select
    e.uscc, e.name, e.region, e.industry, e.zone,
    (select count(*) from metering_point m where m.enterprise_id = e.id) as metering_points,
    (select count(*) from meter m where m.enterprise_id = e.id) as meters,
    (select count(*) from alert a where a.enterprise_id = e.id and a.state in ('open', 'acknowledged')) as open_alerts
from enterprise e
where ($1::text is null or e.uscc = $1) and ($2::text is null or starts_with(e.region, $2))
    and ($3::text is null or e.uscc = $3) and ($4::text is null or e.uscc > $4)
order by e.uscc
limit $5;

-- name: view_metering_points
-- $3 enterprise, $4 carrier, $5 text within code or name, $6 code, $7 boundary, $8 and $9 (enterprise, code) above,
-- $10 limit. The meter is the one installed now, looked up for those on the page alone.
with page as materialized (
    select e.uscc, e.zone, e.region, e.industry, e.name as enterprise, m.*
    from metering_point m
    join enterprise e on e.id = m.enterprise_id
    where ($1::text is null or e.uscc = $1) and ($2::text is null or starts_with(e.region, $2))
        and ($3::text is null or e.uscc = $3) and ($4::text is null or m.carrier = $4)
        and ($5::text is null or strpos(lower(m.code), lower($5)) > 0 or strpos(lower(m.name), lower($5)) > 0)
        and ($6::text is null or m.code = $6) and ($7::boolean is null or m.boundary = $7)
        and ($8::text is null or (e.uscc, m.code) > ($8, $9::text))
    order by e.uscc, m.code
    limit $10
), placed as (
    select distinct on (i.metering_point_id) i.metering_point_id, meter.code as meter, c.cadence_s
    from installation i
    join meter on meter.id = i.meter_id
    left join connection c on c.meter_id = meter.id and c.enabled
    where i.metering_point_id in (select id from page)
        and i.valid_from <= now() and (i.valid_to is null or i.valid_to > now())
    order by i.metering_point_id, i.valid_from desc
), alerted as (
    select metering_point_id, count(*) as open_alerts from alert
    where state in ('open', 'acknowledged') and metering_point_id in (select id from page)
    group by metering_point_id
)
select
    page.uscc, page.zone, page.region, page.industry, page.enterprise, page.code, page.name, page.carrier, page.level,
    page.direction, page.boundary, page.formula::text as formula, parent.code as parent, page.id as row, placed.meter, placed.cadence_s,
    coalesce(alerted.open_alerts, 0) as open_alerts
from page
left join metering_point parent on parent.id = page.parent_id
left join placed on placed.metering_point_id = page.id
left join alerted on alerted.metering_point_id = page.id
order by page.uscc, page.code;

-- name: view_installations
-- Of metering point $3, with a row for each ratio.
select
    meter.code as meter, r.valid_from as from_time,
    coalesce(lead(r.valid_from) over (partition by i.id order by r.valid_from), i.valid_to) as to_time, r.ct, r.pt
from installation i
join ratio r on r.installation_id = i.id
join meter on meter.id = i.meter_id
join metering_point m on m.id = i.metering_point_id
join enterprise e on e.id = m.enterprise_id
where ($1::text is null or e.uscc = $1) and ($2::text is null or starts_with(e.region, $2))
    and m.id = $3
order by r.valid_from;

-- name: view_meters
-- $3 enterprise, $4 and $5 (enterprise, code) above, $6 limit.
with page as materialized (
    select e.uscc, e.zone, meter.*
    from meter
    join enterprise e on e.id = meter.enterprise_id
    where ($1::text is null or e.uscc = $1) and ($2::text is null or starts_with(e.region, $2))
        and ($3::text is null or e.uscc = $3)
        and ($4::text is null or (e.uscc, meter.code) > ($4, $5::text))
    order by e.uscc, meter.code
    limit $6
), placed as (
    select distinct on (i.meter_id) i.meter_id, m.code
    from installation i
    join metering_point m on m.id = i.metering_point_id
    where i.meter_id in (select id from page) and i.valid_from <= now() and (i.valid_to is null or i.valid_to > now())
    order by i.meter_id, i.valid_from desc
)
select
    page.uscc, page.zone, page.code, page.maker, page.model, page.serial, page.accuracy_class, page.range,
    page.certificate, page.verified_until, page.state, page.profile, c.driver, c.cadence_s,
    coalesce(c.enabled, false) as enabled, placed.code as metering_point
from page
left join connection c on c.meter_id = page.id
left join placed on placed.meter_id = page.id
order by page.uscc, page.code;

-- name: view_instruments
-- Meters with where each stood at $3: $4 enterprise, $5 carrier, $6 level, $7 state, $8 days from then within which the
-- verification ends, $9 and $10 (enterprise, code) above, $11 limit.
select
    e.uscc, e.name as enterprise, e.zone, meter.code, meter.name, meter.category, meter.maker, meter.model,
    meter.serial, meter.accuracy_class, meter.range, meter.place, meter.purpose, meter.certificate, meter.verified_on,
    meter.verification_months, meter.verified_until, meter.state, placed.code as metering_point,
    placed.name as metering_point_name, placed.carrier, placed.level, placed.required_class,
    meter.verified_until - ($3 at time zone e.zone)::date as days_left
from meter
join enterprise e on e.id = meter.enterprise_id
left join lateral (
    select m.code, m.name, m.carrier, m.level, m.required_class
    from installation i
    join metering_point m on m.id = i.metering_point_id
    where i.meter_id = meter.id and i.valid_from <= $3 and (i.valid_to is null or i.valid_to > $3)
    order by i.valid_from desc
    limit 1
) placed on true
where ($1::text is null or e.uscc = $1) and ($2::text is null or starts_with(e.region, $2))
    and ($4::text is null or e.uscc = $4) and ($5::text is null or placed.carrier = $5)
    and ($6::integer is null or placed.level = $6) and ($7::text is null or meter.state = $7)
    and ($8::integer is null or meter.verified_until - ($3 at time zone e.zone)::date <= $8)
    and ($9::text is null or (e.uscc, meter.code) > ($9, $10::text))
order by e.uscc, meter.code
limit $11;

-- name: view_to_be_measured
-- Metering points of enterprise $3 where a meter is demanded; none can stand at a virtual one.
select m.code, m.name, m.carrier, m.level
from metering_point m
join enterprise e on e.id = m.enterprise_id
where ($1::text is null or e.uscc = $1) and ($2::text is null or starts_with(e.region, $2))
    and e.uscc = $3 and m.required and m.formula is null
order by m.level, m.code;

-- name: view_profiles
-- The profiles in use; they belong to nobody.
select name, body from profile order by name;

-- name: view_regions
select uscc, region from enterprise;

-- name: view_calorific_values
select uscc, calorific_values::text from enterprise where calorific_values <> '[]';

-- name: view_open_alerts
select count(*) from alert where state in ('open', 'acknowledged');

-- name: view_conflict_count
select count(*) from (select from reading_conflict limit $1) as conflict;
