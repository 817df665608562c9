-- The registry: who measures what with which device, each with the dates it holds for.

create table enterprise (
    id integer generated always as identity primary key,
    uscc text not null unique,
    name text not null,
    region text not null,
    industry text not null default '',
    site text not null default '',
    zone text not null default 'Asia/Shanghai'
);

create table metering_point (
    id integer generated always as identity primary key,
    enterprise_id integer not null references enterprise,
    code text not null,
    name text not null,
    carrier text not null,
    level smallint not null check (level between 1 and 3),
    direction text not null check (direction in ('import', 'export', 'generation', 'internal')),
    boundary boolean not null,
    parent_id integer references metering_point,
    quantities text[],
    unique (enterprise_id, code)
);
comment on column metering_point.quantities is 'the quantities kept of it; null: all its meters give';

create table meter (
    id integer generated always as identity primary key,
    enterprise_id integer not null references enterprise,
    code text not null,
    maker text not null default '',
    model text not null default '',
    serial text not null default '',
    accuracy_class text not null default '',
    range text not null default '',
    certificate text not null default '',
    verified_until date,
    state text not null default 'qualified' check (state in ('qualified', 'limited', 'out_of_use')),
    profile text not null default '',
    rated_per_hour double precision,
    unique (enterprise_id, code)
);
comment on column meter.code is 'the unit''s own number 管理编号; the device name in MQTT topics and pushes';
comment on column meter.rated_per_hour is 'most the main register can count per hour on the meter''s own side, in its canonical unit';

create table installation (
    id integer generated always as identity primary key,
    meter_id integer not null references meter,
    metering_point_id integer not null references metering_point,
    valid_from timestamptz not null,
    valid_to timestamptz,
    initial jsonb not null default '{}',
    final jsonb not null default '{}',
    check (valid_to is null or valid_to > valid_from)
);
comment on column installation.initial is 'register readings at installation, by quantity, canonical unit, meter''s own side';

create table ratio (
    installation_id integer not null references installation on delete cascade,
    valid_from timestamptz not null,
    ct double precision not null check (ct > 0),
    pt double precision not null check (pt > 0),
    primary key (installation_id, valid_from)
);

create table connection (
    id integer generated always as identity primary key,
    meter_id integer not null unique references meter,
    driver text not null,
    address text not null default '',
    unit integer,
    cadence_s integer not null check (cadence_s > 0),
    mapping text not null default '',
    baud integer check (baud > 0),
    enabled boolean not null default true,
    expected_from timestamptz
);
comment on column connection.mapping is 'payload mapping of MQTT and HTTP devices';
comment on column connection.expected_from is 'readings are expected from then on; null: from the apply that named it first';
comment on column connection.unit is 'Modbus unit id';
comment on column connection.baud is 'speed of the serial line behind a gateway; null: none, or unknown';

create table point (
    id integer generated always as identity primary key,
    metering_point_id integer not null references metering_point,
    quantity text not null,
    unique (metering_point_id, quantity)
);

-- What ingest must know of a point, resolved by `registry apply` from installation, ratio, meter and profile.
create table segment (
    point_id integer not null references point,
    valid_from timestamptz not null,
    valid_to timestamptz,
    meter_id integer not null references meter,
    multiplier double precision not null,
    modulus double precision,
    resolution double precision not null,
    limit_per_hour double precision,
    initial double precision,
    final double precision,
    primary key (point_id, valid_from)
);
comment on column segment.multiplier is 'CT x PT where the profile gives secondary values, else 1';
comment on column segment.limit_per_hour is 'rated x margin on the meter''s own side; null: unknown';

-- Every how many seconds a reading of a point is expected from then on; null: none is.
create table schedule (
    point_id integer not null references point,
    valid_from timestamptz not null,
    cadence_s integer check (cadence_s > 0),
    primary key (point_id, valid_from)
);

create table profile (
    name text primary key,
    body jsonb not null
);
comment on table profile is 'the profiles in use, as they were when applied';

create table payload_mapping (
    name text primary key,
    body jsonb not null
);
comment on table payload_mapping is 'the payload mappings in use, as they were when applied';

create table threshold (
    rule text not null,
    scope text not null default '',
    body jsonb not null,
    primary key (rule, scope)
);
comment on column threshold.scope is 'empty: default; carrier:CODE, enterprise:USCC or point:USCC/CODE, the narrowest wins';

create table audit (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    actor text not null,
    action text not null,
    kind text not null,
    code text not null,
    before jsonb,
    after jsonb
);

create table api_key (
    id integer generated always as identity primary key,
    name text not null unique,
    hash bytea not null unique,
    role text not null check (role in ('admin', 'operator', 'enterprise', 'regulator')),
    scope text not null default '',
    created timestamptz not null default now(),
    expires timestamptz,
    revoked timestamptz
);
comment on column api_key.scope is 'enterprise: its code; regulator: a region prefix (GB/T 2260); else empty';
