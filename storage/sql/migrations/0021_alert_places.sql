-- Whether silence that is over when it is found is known already is asked of many findings at once.
create index alert_place on alert (metering_point_id, onset);
create index alert_address on alert (enterprise_id, address, onset);
