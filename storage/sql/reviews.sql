-- Review reports and what they tell that no other question asks for. $1 the only enterprise, $2 the region prefix of
-- the asker where it says so; null: no such bound.

-- name: review_put
insert into review (enterprise_id, from_time, to_time, as_of, report, hash, made_by)
select id, $2, $3, $4, $5, $6, $7 from enterprise where uscc = $1
returning id;

-- name: review_decide
-- Nobody decides about their own report, and nobody about one that is decided.
update review set state = $2, decided_by = $3, decided_at = now(), reason = $4
where id = $1 and state = 'made' and made_by <> $3
returning id;

-- name: review_audit
insert into audit (actor, action, kind, code, after)
select $2, $3, 'review', review.id::text, to_jsonb(review) - 'report' from review where id = $1;

-- name: review_page
-- Newest first. $3: whether only signed ones are to be seen, $4 enterprise, $5 state, $6 ids below, $7 limit.
select
    review.id, enterprise.uscc, enterprise.name as enterprise, enterprise.zone, review.from_time, review.to_time,
    review.as_of, review.hash, review.state, review.made_by, review.made_at, review.decided_by, review.decided_at,
    review.reason
from review
join enterprise on enterprise.id = review.enterprise_id
where ($1::text is null or enterprise.uscc = $1) and ($2::text is null or starts_with(enterprise.region, $2))
    and (not $3::boolean or review.state = 'signed') and ($4::text is null or enterprise.uscc = $4)
    and ($5::text is null or review.state = $5) and ($6::bigint is null or review.id < $6)
order by review.id desc
limit $7;

-- name: review_report
select report from review where id = $1;

-- name: review_gaps
-- Gaps of points $1 that overlap [$2, $3), longest first, at most $4; the counts are of all.
select
    gap.point_id as point, gap.from_time, gap.to_time, gap.cause, gap.state, lost.missing, count(*) over () as gaps,
    count(*) filter (where gap.state = 'open') over () as open, (sum(lost.missing) over ())::bigint as all_missing
from gap
cross join lateral (
    select case when gap.state <> 'closed' and gap.to_time is null
        then greatest(ceil(extract(epoch from least(now(), $3) - gap.from_time) / gap.cadence_s), gap.missing)::integer
        else gap.missing
    end as missing
) as lost
where gap.point_id = any($1::integer[]) and gap.from_time < $3 and (gap.to_time is null or gap.to_time > $2)
order by coalesce(gap.to_time, $3) - gap.from_time desc, gap.id
limit $4;

-- name: review_alert_counts
-- Of enterprise $3 during [$4, $5), by rule and outcome.
select rule, state, count(*) as alerts
from alert_item
where ($1::text is null or uscc = $1) and ($2::text is null or starts_with(region, $2))
    and uscc = $3 and onset < $5 and (ended is null or ended > $4)
group by rule, state
order by rule, state;

-- name: review_alerts
-- Alerts of enterprise $3 during [$4, $5), most at stake first, at most $6, each with what was last said about it.
select
    a.id, a.rule, a.severity, a.metering_point, a.meter, a.opened_at, a.onset, a.ended, a.state, a.evidence,
    a.amount, a.tce, a.money, a.zh, a.en, last.actor, last.note
from alert_item a
left join lateral (
    select actor, note from alert_event where alert_id = a.id and note <> '' order by id desc limit 1
) last on true
where ($1::text is null or a.uscc = $1) and ($2::text is null or starts_with(a.region, $2))
    and a.uscc = $3 and a.onset < $5 and (a.ended is null or a.ended > $4)
order by a.money desc nulls last, array_position(array['critical', 'warning', 'info'], a.severity), a.id
limit $6;

-- name: review_edits
-- Edits of data of enterprise $3 in [$4, $5), also undone ones, in the order they were made.
select
    edit.id, metering_point.code as metering_point, point.quantity, edit.action, edit.from_time, edit.to_time, edit.amount,
    edit.reason, edit.actor, edit.at, edit.undone_by, edit.undone_at, edit.undo_reason
from edit
join point on point.id = edit.point_id
join metering_point on metering_point.id = point.metering_point_id
join enterprise e on e.id = metering_point.enterprise_id
where ($1::text is null or e.uscc = $1) and ($2::text is null or starts_with(e.region, $2))
    and e.uscc = $3 and edit.from_time < $5 and edit.to_time >= $4
order by edit.id;

-- name: review_lists
-- What the registry says of enterprise $3 for review alone.
select staff::text, equipment::text, stock::text
from enterprise
where ($1::text is null or uscc = $1) and ($2::text is null or starts_with(region, $2)) and uscc = $3;
