-- What speaks for the cause of a gap by itself: registers that meters refuse, readings that could not be stored.

-- name: refusal_keep
-- The points $3 are refused over connections $2, and no others are. Only the meter that is installed there now counts.
with refused as (
    select distinct point.id
    from unnest($2::integer[], $3::integer[]) as told (connection_id, point_id)
    join connection on connection.id = told.connection_id
    join point on point.id = told.point_id
    join installation on installation.meter_id = connection.meter_id
        and installation.metering_point_id = point.metering_point_id and installation.valid_from <= at_us($1)
        and (installation.valid_to is null or installation.valid_to > at_us($1))
), over as (
    update refusal set to_time = greatest(at_us($1), from_time)
    where to_time is null and point_id not in (select id from refused)
    returning point_id
), fresh as (
    insert into refusal (point_id, from_time)
    select id, at_us($1) from refused
    where not exists (select from refusal where refusal.point_id = refused.id and to_time is null)
    on conflict (point_id, from_time) do update set to_time = null
    returning point_id
)
select count(*) from (select point_id from over union all select point_id from fresh) as changed;

-- name: rejection_note
insert into rejection (point_id, hour, reason, first_time, last_time, readings)
select point_id, at_us(hour), $6, at_us(first_us), at_us(last_us), readings
from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[], $5::integer[])
    as new (point_id, hour, first_us, last_us, readings)
on conflict (point_id, hour, reason) do update set
    first_time = least(rejection.first_time, excluded.first_time),
    last_time = greatest(rejection.last_time, excluded.last_time),
    readings = rejection.readings + excluded.readings,
    noted = now();

-- name: rejection_forget
delete from rejection where noted < now() - $1 * interval '1 day';
