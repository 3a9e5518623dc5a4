"""What an earlier reward is set off by stays: no title on record is deleted, or made less once rewarded.

Whether a title counts beside another one is read from its terms and rounds. The service's login may go
on writing what the registry's events change, and nothing that takes a rewarded title out of the sum.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SCHEMA = "rewards"
LOGIN = "srdi_rewards"
HOLDING_MAY_CHANGE = (
    "legal_name, region, is_secret, valid_until, renewed_from, renewal_round_code, policy_pack,"
    " revoked_on, revocation_ground, finding_number, has_lost_reward, continues"
)


def upgrade() -> None:
    op.execute(f"REVOKE UPDATE, DELETE ON {SCHEMA}.holdings FROM {LOGIN}")
    op.execute(f"GRANT UPDATE ({HOLDING_MAY_CHANGE}) ON {SCHEMA}.holdings TO {LOGIN}")
    # A renewal begins later and ends later; nothing else moves the terms of a title.
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.a_rewarded_title_stays() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog AS $$
        BEGIN
            IF ((OLD.recognition_id, OLD.uscc, OLD.title, OLD.valid_from, OLD.round_code)
                    IS DISTINCT FROM
                    (NEW.recognition_id, NEW.uscc, NEW.title, NEW.valid_from, NEW.round_code)
                OR NEW.valid_until < OLD.valid_until
                OR ((OLD.renewed_from, OLD.renewal_round_code)
                        IS DISTINCT FROM (NEW.renewed_from, NEW.renewal_round_code)
                    AND (NEW.renewed_from > coalesce(OLD.renewed_from, OLD.valid_from)
                         AND NEW.renewed_from <= NEW.valid_until) IS NOT TRUE))
               AND EXISTS (SELECT FROM {SCHEMA}.rewarded_titles r
                            WHERE r.recognition_id = OLD.recognition_id)
            THEN
                PERFORM {SCHEMA}.refuse('rewarded_title_stays',
                    'a title that was rewarded keeps whose it is, its round and its days');
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        f"CREATE TRIGGER a_rewarded_title_stays BEFORE UPDATE ON {SCHEMA}.holdings"
        f" FOR EACH ROW EXECUTE FUNCTION {SCHEMA}.a_rewarded_title_stays()"
    )


def downgrade() -> None:
    op.execute(f"DROP TRIGGER a_rewarded_title_stays ON {SCHEMA}.holdings")
    op.execute(f"DROP FUNCTION {SCHEMA}.a_rewarded_title_stays()")
    op.execute(f"REVOKE UPDATE ({HOLDING_MAY_CHANGE}) ON {SCHEMA}.holdings FROM {LOGIN}")
    op.execute(f"GRANT UPDATE, DELETE ON {SCHEMA}.holdings TO {LOGIN}")
