"""A lower title that keeps an amount is used up whether or not anything is called back.

What an award stands for is written by the database alone, by a recovery or by `keep_for`.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = "rewards"
LOGIN = "srdi_rewards"


def upgrade() -> None:
    _keep()
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION {SCHEMA}.call_back() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
        BEGIN
            UPDATE {SCHEMA}.awards SET recovery_due = recovery_due + NEW.due WHERE id = NEW.award_id;
            IF NEW.kept_recognition_id IS NOT NULL THEN
                PERFORM {SCHEMA}.keep_for(NEW.award_id, NEW.kept_recognition_id,
                                          coalesce(NEW.kept_event, ''), NEW.kept_amount);
            END IF;
            RETURN NULL;
        END $$
        """
    )
    op.execute(f"REVOKE UPDATE (stands_for) ON {SCHEMA}.awards FROM {LOGIN}")
    _use_up_what_was_kept()


def _keep() -> None:
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.keep_for(of_award uuid, kept uuid, kept_event text, worth numeric)
        RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
        DECLARE
            award {SCHEMA}.awards;
            held {SCHEMA}.holdings;
        BEGIN
            SELECT * INTO STRICT award FROM {SCHEMA}.awards WHERE id = of_award;
            PERFORM pg_advisory_xact_lock(hashtextextended(award.uscc, 0));
            SELECT * INTO STRICT award FROM {SCHEMA}.awards WHERE id = of_award FOR UPDATE;
            IF award.stands_for = kept THEN
                RETURN;
            END IF;
            IF NOT EXISTS (
                SELECT FROM {SCHEMA}.holdings h
                 WHERE h.recognition_id = coalesce(award.stands_for, award.recognition_id)
                   AND h.has_lost_reward)
            THEN
                PERFORM {SCHEMA}.refuse('kept_once_its_own_fell',
                    'the title that the award is for was not taken away');
            END IF;
            SELECT * INTO held FROM {SCHEMA}.holdings h
             WHERE h.recognition_id = kept AND h.uscc = award.uscc AND NOT h.has_lost_reward;
            IF NOT FOUND THEN
                PERFORM {SCHEMA}.refuse('kept_for_a_title',
                    'the enterprise was not given this title, or lost its reward');
            END IF;
            UPDATE {SCHEMA}.awards SET stands_for = kept WHERE id = award.id;
            IF kept_event IS NULL THEN
                -- A part of what another award stands for uses up nothing of its own.
                IF NOT EXISTS (
                    SELECT FROM {SCHEMA}.awards o
                     WHERE o.uscc = award.uscc AND o.id <> award.id
                       AND coalesce(o.stands_for, o.recognition_id) = kept)
                THEN
                    PERFORM {SCHEMA}.refuse('kept_for_a_title', 'no other award stands for it');
                END IF;
                RETURN;
            END IF;
            IF held.continues IS NOT NULL OR NOT EXISTS (
                SELECT FROM {SCHEMA}.rewardable r
                  JOIN {SCHEMA}.schedule_amounts l
                    ON l.schedule_id = award.schedule_id AND l.title = r.title
                   AND l.event = r.event AND l.amount = worth
                   AND starts_with(r.region, {SCHEMA}.prefix_of(l.region))
                 WHERE r.recognition_id = kept AND r.event = kept_event)
            THEN
                PERFORM {SCHEMA}.refuse('kept_by_a_schedule',
                    'the award''s schedule lists no such amount for the title');
            END IF;
            IF worth > (
                SELECT sum(o.granted - o.cancelled - o.recovery_due) FROM {SCHEMA}.awards o
                 WHERE o.uscc = award.uscc)
            THEN
                PERFORM {SCHEMA}.refuse('kept_of_what_stands', 'less than that stands');
            END IF;
            INSERT INTO {SCHEMA}.rewarded_titles
                (uscc, title, event, recognition_id, award_id, is_kept, scheduled_amount)
            VALUES (award.uscc, held.title, kept_event, kept, award.id, true, worth);
        END $$
        """
    )
    signature = f"{SCHEMA}.keep_for(uuid, uuid, text, numeric)"
    op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {LOGIN}")


def _use_up_what_was_kept() -> None:
    """Enter the titles that awards stand for already, with the highest amount listed for each."""
    op.execute(
        f"""
        INSERT INTO {SCHEMA}.rewarded_titles
            (uscc, title, event, recognition_id, award_id, is_kept, scheduled_amount)
        SELECT DISTINCT ON (a.uscc, r.title) a.uscc, r.title, r.event, r.recognition_id, a.id, true,
               price.amount
          FROM {SCHEMA}.awards a
          JOIN {SCHEMA}.rewardable r ON r.recognition_id = a.stands_for AND r.uscc = a.uscc
          CROSS JOIN LATERAL (
              SELECT l.amount FROM {SCHEMA}.schedule_amounts l
               WHERE l.schedule_id = a.schedule_id AND l.title = r.title AND l.event = r.event
                 AND starts_with(r.region, {SCHEMA}.prefix_of(l.region))
               ORDER BY length({SCHEMA}.prefix_of(l.region)) DESC, l.number LIMIT 1) price
         WHERE a.granted > a.cancelled
           AND NOT EXISTS (
               SELECT FROM {SCHEMA}.rewarded_titles had
                WHERE had.uscc = a.uscc AND had.recognition_id = a.stands_for)
         ORDER BY a.uscc, r.title, price.amount DESC, a.id
            ON CONFLICT DO NOTHING
        """
    )


def downgrade() -> None:
    op.execute(f"GRANT UPDATE (stands_for) ON {SCHEMA}.awards TO {LOGIN}")
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION {SCHEMA}.call_back() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
        DECLARE
            award {SCHEMA}.awards;
        BEGIN
            UPDATE {SCHEMA}.awards
               SET recovery_due = recovery_due + NEW.due,
                   stands_for = coalesce(NEW.kept_recognition_id, stands_for)
             WHERE id = NEW.award_id RETURNING * INTO STRICT award;
            IF NEW.kept_recognition_id IS NOT NULL THEN
                INSERT INTO {SCHEMA}.rewarded_titles
                    (uscc, title, event, recognition_id, award_id, is_kept, scheduled_amount)
                VALUES (award.uscc, NEW.kept_title, NEW.kept_event, NEW.kept_recognition_id,
                        award.id, true, NEW.kept_amount);
            END IF;
            RETURN NULL;
        END $$
        """
    )
    op.execute(f"DROP FUNCTION {SCHEMA}.keep_for(uuid, uuid, text, numeric)")
