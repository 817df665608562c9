-- The gap ledger as people see it: gaps of a metering point at the same time are one item, whatever its quantities;
-- its id is that of the first. $1 enterprise, $2 region prefix of the asker; null: no such bound.

-- name: ledger_page
-- Newest first. $3 enterprise, $4 metering point, $5 state, $6 cause, $7 owner, $8 assignee, $9 group: null is any;
-- $10 whether those of one group are to be one item; $11 and $12 zones and the last day on which what was found then is
-- overdue by now (null: not asked); $13 enterprises whose history is coming in; $14 keys below; $15 limit;
-- $16 the id of the only one. Items are put together one by one, in the order of an index, until there are enough.
with part as not materialized (
    select
        gap.*, enterprise.uscc, enterprise.name as enterprise, enterprise.zone, metering_point.code,
        metering_point.name as metering_point_name, metering_point.id as metering_point_id, point.quantity,
        case when $10 then coalesce(group_id, lead, gap.id) else coalesce(lead, gap.id) end as key
    from gap
    join point on point.id = gap.point_id
    join metering_point on metering_point.id = point.metering_point_id
    join enterprise on enterprise.id = metering_point.enterprise_id
    where ($1::text is null or enterprise.uscc = $1) and ($2::text is null or starts_with(enterprise.region, $2))
        and ($3::text is null or enterprise.uscc = $3) and ($4::text is null or metering_point.code = $4)
        and ($9::bigint is null or coalesce(group_id, lead, gap.id) = $9)
        and ($16::bigint is null or coalesce(lead, gap.id) = $16)
), asked as (  -- those of which a part is as is asked for
    select distinct key from part
    where ($14::bigint is null or key < $14)
        and (state <> 'closed' or $11::text[] is null and coalesce($5::text, 'closed') = 'closed')
        and ($6::text is null or cause = $6) and ($7::text is null or gap_owner(cause) = $7)
        and ($8::text is null or assignee = $8)
    order by key desc
)
select asked.key, item.*, gap_owner(cause) as owner
from asked
cross join lateral (
    select
        min(coalesce(part.lead, part.id)) as id, count(distinct coalesce(part.lead, part.id)) as gaps,
        min(part.uscc) as uscc, min(part.zone) as zone,
        (array_agg(part.enterprise order by part.id))[1] as enterprise,
        (array_agg(part.code order by part.id))[1] as metering_point,
        (array_agg(part.metering_point_name order by part.id))[1] as name,
        count(distinct part.metering_point_id) as metering_points,
        array_agg(distinct part.quantity) as quantities,
        min(part.from_time) as from_time,
        case when not bool_or(part.to_time is null and part.state <> 'closed') then max(part.to_time) end as to_time,
        (array_agg(part.cause order by part.state = 'closed', part.id))[1] as cause,
        (array_agg(part.evidence order by part.state = 'closed', part.id))[1] as evidence,
        case
            when bool_and(part.state = 'closed') then 'closed'
            when bool_or(part.state = 'open') and min(part.uscc) = any($13::text[]) then 'backfilling'
            when bool_or(part.state = 'open') then 'open'
            when bool_or(part.state = 'estimated') then 'estimated'
            else 'accepted'
        end as state,
        max(part.assignee) as assignee, min(part.opened_at) as opened_at,
        case when bool_and(part.state = 'closed') then max(part.closed_at) end as closed_at,
        case when bool_and(part.state = 'closed') then max(part.closed_by) else '' end as closed_by,
        min(part.group_id) as group_id,
        max(case when part.state <> 'closed' and part.to_time is null
            then greatest(ceil(extract(epoch from now() - part.from_time) / part.cadence_s), part.missing)::integer
            else part.missing
        end) as missing
    from part
    where part.key = asked.key
) as item
where ($5::text is null or state = $5) and ($6::text is null or cause = $6)
    and ($7::text is null or gap_owner(cause) = $7) and ($8::text is null or assignee = $8)
    and ($11::text[] is null or state in ('open', 'backfilling') and exists (
        select from unnest($11, $12::date[]) as cut (zone, day)
        where cut.zone = item.zone and (item.opened_at at time zone item.zone)::date <= cut.day
    ))
order by asked.key desc
limit $15;

-- name: ledger_zones
select distinct zone from enterprise;

-- name: ledger_claim
-- The parts of item $3, locked.
select gap.id, gap.state, gap.to_time
from gap
join point on point.id = gap.point_id
join metering_point on metering_point.id = point.metering_point_id
join enterprise on enterprise.id = metering_point.enterprise_id
where coalesce(gap.lead, gap.id) = $3
    and ($1::text is null or enterprise.uscc = $1) and ($2::text is null or starts_with(enterprise.region, $2))
for update of gap;

-- name: ledger_accept
update gap set state = 'accepted' where id = any($1::bigint[]) and state <> 'closed';

-- name: ledger_assign
update gap set assignee = $2 where id = any($1::bigint[]);

-- name: ledger_record
insert into gap_event (gap_id, actor, action, note) values ($1, $2, $3, $4);

-- name: ledger_events
select at, actor, action, note from gap_event
where gap_id in (select id from gap where coalesce(lead, id) = $1)
order by id;
