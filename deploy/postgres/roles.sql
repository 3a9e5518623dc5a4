-- Schemas and logins: one of each for every service, and no login reaches another's schema.
-- Run once as a superuser, before the migrations; it may be run again.
-- Passwords are set apart from this file: ALTER ROLE srdi_review PASSWORD '…'.

DO $$
DECLARE
    service text;
BEGIN
    FOREACH service IN ARRAY ARRAY['applications', 'review', 'registry', 'rewards'] LOOP
        EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', service);
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'srdi_' || service) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE', 'srdi_' || service);
        END IF;
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', service);
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', service, 'srdi_' || service);
    END LOOP;
    EXECUTE 'REVOKE ALL ON SCHEMA public FROM PUBLIC';
    EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database());
    FOREACH service IN ARRAY ARRAY['applications', 'review', 'registry', 'rewards'] LOOP
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), 'srdi_' || service);
    END LOOP;
END
$$;
