-- Edits: what authorised people do to data. Instants of ranges go in as timestamptz.

-- name: edit_overlapping
-- An edit in force that does the same ($2) to a part of [$3, $4] of point $1; where $5, $4 is not included.
select id from edit
where point_id = $1 and action = $2 and undone_at is null
    and case when $5 then from_time < $4 and $3 < to_time else from_time <= $4 and $3 <= to_time end
order by id limit 1;

-- name: edit_first_reading
-- `begins`: it is the first one of its meter and ratio.
select
    (extract(epoch from r.time) * 1000000)::bigint as time,
    exists (
        select from segment s
        where s.point_id = $1 and s.valid_from <= r.time and (s.valid_to is null or s.valid_to > r.time)
            and not exists (select from reading where point_id = $1 and time >= s.valid_from and time < r.time)
    ) as begins
from (select time from reading where point_id = $1 and time >= $2 order by time limit 1) r;

-- name: edit_add
insert into edit (point_id, action, from_time, to_time, amount, reason, actor, change_id)
values ($1, $2, $3, $4, $5, $6, $7, $8) returning id;

-- name: edit_in_force
select
    point_id, (extract(epoch from from_time) * 1000000)::bigint as start,
    (extract(epoch from to_time) * 1000000)::bigint as end
from edit where id = $1 and undone_at is null;

-- name: edit_undo
update edit set undone_by = $2, undo_reason = $3, undone_at = now(), undo_change_id = $4 where id = $1;

-- name: edit_audit
insert into audit (actor, action, kind, code, after)
select $3, $2, 'edit', enterprise.uscc || '/' || metering_point.code, to_jsonb(edit)
from edit
join point on point.id = edit.point_id
join metering_point on metering_point.id = point.metering_point_id
join enterprise on enterprise.id = metering_point.enterprise_id
where edit.id = $1;

-- name: edit_page
-- Newest first. $1 enterprise, $2 region prefix, $3 metering point, $4 state: null is any; $5: ids below; $6: only this.
select
    edit.id, enterprise.uscc, enterprise.name as enterprise, enterprise.zone, metering_point.code as metering_point,
    point.quantity, edit.action, edit.from_time, edit.to_time, edit.amount, edit.reason, edit.actor, edit.at,
    edit.undone_by, edit.undone_at, edit.undo_reason
from edit
join point on point.id = edit.point_id
join metering_point on metering_point.id = point.metering_point_id
join enterprise on enterprise.id = metering_point.enterprise_id
where ($1::text is null or enterprise.uscc = $1)
    and ($2::text is null or starts_with(enterprise.region, $2))
    and ($3::integer is null or metering_point.id = $3)
    and ($4::text is null or (edit.undone_at is null) = ($4 = 'in_force'))
    and ($5::bigint is null or edit.id < $5)
    and ($6::bigint is null or edit.id = $6)
order by edit.id desc
limit $7;

-- name: edit_touched
-- From the interval that holds the begin of the edit on.
select
    edit.point_id as point, enterprise.zone,
    (extract(epoch from least(edit.from_time, held.start, replaced.first)) * 1000000)::bigint as start,
    (extract(epoch from greatest(edit.to_time + case when edit.action in ('set', 'estimate') then interval '0' else one end,
        replaced.last + one)) * 1000000)::bigint as past,
    (extract(epoch from edit.at) * 1000000)::bigint as before,
    (extract(epoch from edit.undone_at) * 1000000)::bigint as after,
    exists (select from dirty_range where change_id in (edit.change_id, edit.undo_change_id)) as pending
from edit
join point on point.id = edit.point_id
join metering_point on metering_point.id = point.metering_point_id
join enterprise on enterprise.id = metering_point.enterprise_id
left join lateral (
    select start from metered_interval
    where point_id = edit.point_id and start <= edit.from_time and start + seconds * interval '1 second' > edit.from_time
    order by start desc limit 1
) as held on true
cross join lateral (
    select min(start) as first, max(start) as last from interval_version where change_id = edit.change_id
) as replaced
cross join (select interval '1 microsecond' as one) as unit
where edit.id = $1;
