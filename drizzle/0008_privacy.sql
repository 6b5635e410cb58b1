CREATE TABLE "erasure" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"requested_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
-- The audit stays append-only but for two changes that announce themselves in their transaction: the purge of events
-- before a moment, and the blanking of address and browser. Nothing else of a row may change with them.
CREATE OR REPLACE FUNCTION audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND OLD.at < nullif(current_setting('dundie.audit_before', true), '')::timestamptz THEN
    RETURN OLD;
  END IF;
  IF TG_OP = 'UPDATE' AND current_setting('dundie.audit', true) = 'blank' AND NEW.ip IS NULL AND NEW.browser IS NULL
    AND to_jsonb(NEW) - 'ip' - 'browser' = to_jsonb(OLD) - 'ip' - 'browser' THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'audit_event is append-only';
END $$;
