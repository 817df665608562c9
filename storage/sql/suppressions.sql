-- Maintenance windows and exceptions: what is recorded but not told.

-- name: suppression_place
-- The metering point $2 (null: none) of enterprise $1, and whether a meter of it is connected at address $3.
select
    enterprise.id as enterprise_id, metering_point.id as metering_point_id,
    exists (
        select from connection join meter on meter.id = connection.meter_id
        where meter.enterprise_id = enterprise.id
            and $3::text = regexp_replace(connection.address, '(://[^:/@]*):[^/]*@', '\1:***@')
    ) as connected
from enterprise
left join metering_point on metering_point.enterprise_id = enterprise.id and metering_point.code = $2
where enterprise.uscc = $1;

-- name: suppression_add
insert into suppression (
    kind, enterprise_id, address, metering_point_id, key, from_time, to_time, reason, actor
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id;

-- name: suppression_except
-- An exception for the rule and subject of alert $1, from its onset to $2.
insert into suppression (kind, enterprise_id, metering_point_id, key, from_time, to_time, reason, actor)
select 'exception', enterprise_id, metering_point_id, key, onset, $2, $3, $4 from alert where id = $1
returning id;

-- name: suppression_exceptions
-- Exceptions in force for the rule and subject of alert $1.
select suppression.id from suppression join alert on alert.key = suppression.key
where alert.id = $1 and suppression.kind = 'exception' and revoked_at is null and to_time > now();

-- name: suppression_revoke
update suppression set revoked_at = now(), revoked_by = $2
where id = $1 and revoked_at is null and to_time > now() returning id;

-- name: suppression_audit
insert into audit (actor, action, kind, code, after)
select $2, $3, 'suppression', suppression.id::text, to_jsonb(suppression) || jsonb_build_object('note', $4::text)
from suppression where id = $1;

-- name: suppression_gaps
-- Gaps of enterprise $1 that are not closed: whether they began in a maintenance window.
with inside as (
    select gap.id, exists (
        select from planned_gap where planned_gap.point_id = gap.point_id
            and gap.from_time >= planned_gap.from_time and gap.from_time < planned_gap.to_time
    ) as planned
    from gap
    join point on point.id = gap.point_id
    join metering_point on metering_point.id = point.metering_point_id
    where gap.state <> 'closed' and metering_point.enterprise_id = $1
)
update gap set planned = inside.planned
from inside where gap.id = inside.id and gap.planned <> inside.planned;

-- name: suppression_page
-- Newest first. $1 enterprise, $2 region prefix, $3 kind: null is any; $4 only those in force or to come; $5: ids below.
select
    suppression.id, suppression.kind, enterprise.uscc, enterprise.name as enterprise, enterprise.zone,
    metering_point.code as metering_point, suppression.address, split_part(suppression.key, ':', 1) as rule,
    suppression.from_time, suppression.to_time, suppression.reason, suppression.actor, suppression.at,
    suppression.revoked_at, suppression.revoked_by
from suppression
join enterprise on enterprise.id = suppression.enterprise_id
left join metering_point on metering_point.id = suppression.metering_point_id
where ($1::text is null or enterprise.uscc = $1)
    and ($2::text is null or starts_with(enterprise.region, $2))
    and ($3::text is null or suppression.kind = $3)
    and (not $4::boolean or (suppression.revoked_at is null and suppression.to_time > now()))
    and ($5::bigint is null or suppression.id < $5)
order by suppression.id desc
limit $6;

-- name: suppression_owner
select enterprise_id from suppression where id = $1;
