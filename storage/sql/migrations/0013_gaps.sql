-- Verdicts on gaps and estimates: they change when the days around them become known or others.

create index verdict_gap on verdict (point_id, to_time) where kind in ('gap', 'estimate');
