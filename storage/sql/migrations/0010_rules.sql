-- The scope of thresholds that hold for all is called by its word.
update threshold set scope = 'default' where scope = '';
alter table threshold alter column scope set default 'default';
comment on column threshold.scope is 'default, carrier:CODE, enterprise:USCC or point:USCC/CODE; the narrowest wins, key by key';
