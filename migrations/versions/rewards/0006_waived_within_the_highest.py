"""With `top_up` no waiver leaves an enterprise more than the highest amount within the scope."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SCHEMA = "rewards"


def upgrade() -> None:
    # Null where no `top_up` sets the award off. What a later award was granted depended on what stood
    # of the earlier ones, so each later one is looked at with those before it.
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.left_below_highest(of_award uuid) RETURNS numeric
        LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
            SELECT min(together.room) FROM (
                SELECT max(g.scheduled_amount) - sum(g.amount) AS room
                  FROM {SCHEMA}.awards own
                  JOIN {SCHEMA}.awards later ON later.uscc = own.uscc AND later.id >= own.id
                  JOIN {SCHEMA}.reward_schedules s
                    ON s.id = later.schedule_id AND s.settlement = 'top_up'
                  JOIN {SCHEMA}.grants g ON g.uscc = own.uscc AND g.award_id <= later.id
                  LEFT JOIN {SCHEMA}.rewardable was
                    ON was.recognition_id = g.recognition_id AND was.event = g.event
                  LEFT JOIN {SCHEMA}.rewardable claimed
                    ON claimed.recognition_id = later.recognition_id AND claimed.event = later.event
                 WHERE own.id = of_award
                   AND (g.award_id = later.id OR CASE s.scope
                        WHEN 'ever' THEN true
                        WHEN 'same_year' THEN g.fiscal_year = later.fiscal_year
                        WHEN 'same_round' THEN was.round_code = claimed.round_code
                        ELSE was.valid_from <= claimed.last_day AND claimed.valid_from <= was.last_day
                        END)
                 GROUP BY later.id
                HAVING bool_or(g.award_id = own.id) AND bool_or(g.award_id = later.id)
            ) together
        $$
        """
    )
    # After `keep_the_ledger`, which has locked the enterprise and added the waiver to what stands.
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.waived_within_the_highest() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
        BEGIN
            IF {SCHEMA}.left_below_highest(NEW.award_id) < 0 THEN
                PERFORM {SCHEMA}.refuse('waived_within_the_highest',
                    'with what else stands it would leave more than the highest amount');
            END IF;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        f"CREATE TRIGGER waived_within_the_highest AFTER INSERT ON {SCHEMA}.ledger_entries"
        " FOR EACH ROW WHEN (NEW.kind = 'waived')"
        f" EXECUTE FUNCTION {SCHEMA}.waived_within_the_highest()"
    )


def downgrade() -> None:
    op.execute(f"DROP TRIGGER waived_within_the_highest ON {SCHEMA}.ledger_entries")
    op.execute(f"DROP FUNCTION {SCHEMA}.waived_within_the_highest()")
    op.execute(f"DROP FUNCTION {SCHEMA}.left_below_highest(uuid)")
