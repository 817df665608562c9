-- Thresholds of alert rules. Every change is one line in the audit, which makes the roles take them anew.

-- name: thresholds
select rule, scope, body::text from threshold order by rule, scope;

-- name: thresholds_at
select split_part(code, ' ', 1) as rule, substr(code, strpos(code, ' ') + 1) as scope, after::text as body
from (
    select distinct on (code) code, after from audit where kind = 'threshold' and at <= $1 order by code, id desc
) as last
where after is not null;

-- name: threshold_put
-- $1 rule, $2 scope, $3 body, $4 actor.
with before as (
    select body from threshold where rule = $1 and scope = $2
), put as (
    insert into threshold (rule, scope, body) values ($1, $2, $3::text::jsonb)
    on conflict (rule, scope) do update set body = excluded.body
)
insert into audit (actor, action, kind, code, before, after)
select $4, case when exists (select from before) then 'change' else 'create' end, 'threshold', $1 || ' ' || $2,
    (select body from before), $3::text::jsonb;

-- name: threshold_drop
-- $1 rule, $2 scope, $3 actor.
with gone as (
    delete from threshold where rule = $1 and scope = $2 returning body
)
insert into audit (actor, action, kind, code, before)
select $3, 'remove', 'threshold', $1 || ' ' || $2, body from gone
returning id;
