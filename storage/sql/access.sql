-- name: create_key
insert into api_key (name, hash, role, scope, expires) values ($1, $2, $3, $4, $5)
on conflict (name) do nothing returning id;

-- name: list_keys
select name, role, scope, created, expires, revoked from api_key order by id;

-- name: revoke_key
update api_key set revoked = coalesce(revoked, now()) where name = $1 returning id;

-- name: find_key
select name, role, scope from api_key
where hash = $1 and revoked is null and (expires is null or expires > now());

-- name: key_may_deal
select id from api_key
where name = $1 and revoked is null and (expires is null or expires > now())
    and (role in ('admin', 'operator') or (role = 'enterprise' and scope = $2));

-- name: audit_key
insert into audit (actor, action, kind, code, after) values ($1, $2, 'api_key', $3, $4);
