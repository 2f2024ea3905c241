"""The statements of the Postgres store, one round trip each.

All parts of a statement see the same snapshot, taken before it waited for any lock: what a simultaneous copy has
committed meanwhile is invisible to SELECT, but not to INSERT ... ON CONFLICT DO UPDATE ... RETURNING. So whatever
decides comes from RETURNING: first the conversation's row, which makes the beginnings of one conversation queue up,
then the turn's.
"""

MESSAGES = "chat_history"

# What the journal holds of the attempt at a turn: the text since its last restart, and the sources.
JOURNALED = """
SELECT jsonb_strip_nulls(jsonb_build_object(
           'answer', string_agg(part->>'answer', '' ORDER BY seq) FILTER (WHERE seq >= coalesce(since, 0)),
           'sources', (array_agg(part->'sources' ORDER BY seq DESC) FILTER (WHERE part ? 'sources'))[1]))
FROM (
    SELECT part, first + at AS seq, max(first + at) FILTER (WHERE part ? 'restart') OVER () AS since
    FROM journal, jsonb_array_elements(parts) WITH ORDINALITY AS told(part, at)
    WHERE turn_id = turn.id
) piece WHERE seq > turn.opened
"""

# A turn whose process is gone ends as what was told of it; a cancel that nobody was left to hear has won.
LAPSE_SET = f"""
    UPDATE turn SET finished_at = now(), state = CASE WHEN cancel_asked THEN 'cancelled' ELSE 'partial' END,
        reply = CASE WHEN cancel_asked THEN %(cancelled)s ELSE %(interrupted)s END || ({JOURNALED})
"""
LAPSE_SAVE = """
    INSERT INTO chat_history (session_id, message, turn_id)
    SELECT conversation_id, jsonb_set(%(lost)s, '{data,content}', reply->'answer'), id
    FROM lapsed WHERE reply->>'answer' <> ''
    ON CONFLICT (turn_id, (message->>'type')) WHERE turn_id IS NOT NULL
    DO UPDATE SET id = excluded.id, message = excluded.message, created_at = excluded.created_at
    RETURNING id
"""
LAPSE = f"""
WITH lapsed AS (
    {LAPSE_SET}
    WHERE state = 'running' AND (lease_until < now() OR %(all)s)
      AND id = coalesce(%(turn)s, id) AND conversation_id = coalesce(%(conversation)s, conversation_id)
    RETURNING id, conversation_id, reply
), saved AS (
    {LAPSE_SAVE}
)
SELECT id FROM lapsed
"""

# `known`: this turn id in another conversation. `other`: another turn that runs in this one. `lapsed`: a turn whose
# process is gone. `run` names this call: who reads his own name back has the turn, in the first place or again.
BEGIN = """
WITH known AS (
    SELECT owner = %(owner)s AS own FROM turn WHERE id = %(turn)s AND conversation_id <> %(conversation)s
), other AS (
    SELECT FROM turn
    WHERE conversation_id = %(conversation)s AND state = 'running' AND lease_until >= now() AND id <> %(turn)s
), held AS (
    INSERT INTO conversation AS c (id, owner, title)
    SELECT %(conversation)s, %(owner)s, %(title)s WHERE NOT EXISTS (SELECT FROM known)
    ON CONFLICT (id) DO UPDATE SET begun = c.begun + 1, updated_at = now() WHERE c.owner = excluded.owner
    RETURNING id, begun
), lapsed AS (
    {lapse}
    FROM held
    WHERE turn.conversation_id = held.id AND state = 'running' AND lease_until < now() AND turn.id <> %(turn)s
    RETURNING turn.id, turn.conversation_id, turn.reply
), saved AS (
    {save}
), taken AS (
    INSERT INTO turn AS t (id, conversation_id, owner, content, run, started_at, lease_until)
    SELECT %(turn)s, held.id, %(owner)s, %(content)s, %(run)s, clock_timestamp(), now() + %(lease)s
    FROM held -- which queued: now() is when the statement came, and would order the turns by that
    WHERE (SELECT count(*) FROM lapsed) >= 0 -- before this row, or two would be running
      AND (NOT EXISTS (SELECT FROM other) OR EXISTS (SELECT FROM turn WHERE id = %(turn)s))
    ON CONFLICT (id) DO UPDATE SET (state, run, attempt, started_at, lease_until, opened, cancel_asked, read_at) = (
        SELECT CASE WHEN again THEN 'running' ELSE t.state END,
               CASE WHEN again THEN excluded.run ELSE t.run END,
               t.attempt + again::int,
               CASE WHEN again THEN excluded.started_at ELSE t.started_at END,
               CASE WHEN again THEN excluded.lease_until ELSE t.lease_until END,
               CASE WHEN again THEN t.told ELSE t.opened END,
               t.cancel_asked AND NOT again,
               CASE WHEN NOT again THEN t.read_at END
        FROM (SELECT t.conversation_id = excluded.conversation_id AND t.owner = excluded.owner
                 AND t.content = excluded.content AND NOT EXISTS (SELECT FROM other)
                 AND (t.state IN ('partial', 'failed', 'cancelled')
                      OR t.state = 'running' AND t.lease_until < now()) AS again) tried -- PostgreSQL 15 asks for a name
    )
    RETURNING id, conversation_id, state, attempt, opened, reply, run = %(run)s AND state = 'running' AS mine,
              owner = %(owner)s AS own, conversation_id = %(conversation)s AND content = %(content)s AS same
), asked AS (
    INSERT INTO chat_history (session_id, message, turn_id)
    SELECT conversation_id, %(message)s, id FROM taken
    WHERE mine AND (SELECT count(*) FROM saved) >= 0 -- what was lost before it stands before it
    ON CONFLICT (turn_id, (message->>'type')) WHERE turn_id IS NOT NULL
    DO UPDATE SET id = excluded.id, created_at = excluded.created_at -- asked again: it moves to the end
), voided AS (
    DELETE FROM chat_history USING taken
    WHERE mine AND attempt > 1 AND turn_id = taken.id AND message->>'type' = 'ai'
)
SELECT (SELECT own FROM known) AS elsewhere, held.id IS NOT NULL AS held, state, attempt, opened, reply, mine, own,
       same,
       held.begun <> coalesce((SELECT begun FROM conversation WHERE id = %(conversation)s), 0) + 1 AS outdated,
       CASE WHEN mine THEN (
           SELECT jsonb_agg(jsonb_build_array(type, content, turn_id, turn_state, details) ORDER BY recent.id)
           FROM ({recent}) recent
       ) END AS history
FROM (SELECT) AS always LEFT JOIN held ON true LEFT JOIN taken ON true
"""

# Twice the window, for turns that failed take up rows but are not told. BETWEEN, where = would say the same: with it
# only the index on (session_id, id) gives the order, so that the planner cannot take the primary key instead and read
# every newer row of the table, as it did for a conversation that held half of the messages.
RECENT = """
SELECT m.id, m.turn_id, m.message->>'type' AS type, m.message->'data'->'content' AS content, t.state AS turn_state,
       jsonb_build_object('selected_text', m.message->'data'->'additional_kwargs'->'selected_text',
                          'outcome', m.message->'data'->'response_metadata'->'outcome') AS details
FROM (
    SELECT id, turn_id, message FROM chat_history
    WHERE session_id BETWEEN %(conversation)s AND %(conversation)s
    ORDER BY session_id DESC, id DESC LIMIT 2 * %(window)s
) m LEFT JOIN turn t ON t.id = m.turn_id
WHERE m.turn_id IS DISTINCT FROM %(turn)s AND m.message->>'type' IN ('human', 'ai')
"""
BEGIN = BEGIN.replace("{recent}", RECENT).replace("{lapse}", LAPSE_SET).replace("{save}", LAPSE_SAVE)

HISTORY = f"""
SELECT jsonb_agg(jsonb_build_array(type, content, turn_id, turn_state, details) ORDER BY recent.id) AS history
FROM ({RECENT}) recent
"""

# Locks the turn and nothing before it, so that it cannot wait for a beginning that waits for it. A turn that was
# ended for its lease, while the database was away perhaps, may still be finished, unless another was asked after it.
FINISH = """
WITH finished AS (
    UPDATE turn SET state = %(state)s, reply = %(reply)s, finished_at = now(), told = greatest(told, %(told)s)
    WHERE id = %(turn)s
      AND (state = 'running' AND run = coalesce(%(run)s, run)
           OR state = 'partial' AND run = %(run)s AND NOT EXISTS (
               SELECT FROM turn later
               WHERE later.conversation_id = turn.conversation_id AND later.started_at > turn.started_at))
    RETURNING id, conversation_id
), answer AS (
    INSERT INTO chat_history (session_id, message, turn_id)
    SELECT conversation_id, %(message)s, id FROM finished WHERE %(answered)s
    ON CONFLICT (turn_id, (message->>'type')) WHERE turn_id IS NOT NULL
    DO UPDATE SET message = excluded.message, created_at = excluded.created_at
)
SELECT EXISTS (SELECT FROM finished) AS stored, state = %(state)s AND reply = %(reply)s AS same,
       run = coalesce(%(run)s, run) AS ours
FROM turn WHERE id = %(turn)s
"""

# A turn that waited for the database was asked before its reader had the conversation, or everything, erased: nothing
# of it may stay. `asked_at` is by this server's clock. A conversation that another turn takes meanwhile has another
# `begun` by then.
TAKE_BACK = """
WITH erased AS (
    SELECT FROM erasure WHERE what = ANY (%(erasures)s) AND erased_at > %(asked_at)s LIMIT 1
), removed AS (
    DELETE FROM turn USING erased WHERE id = %(turn)s AND run = %(run)s RETURNING id
), emptied AS (
    DELETE FROM conversation c USING removed
    WHERE c.id = %(conversation)s AND c.begun = (SELECT begun FROM conversation WHERE id = %(conversation)s)
      AND NOT EXISTS (SELECT FROM turn WHERE conversation_id = %(conversation)s AND id <> %(turn)s)
)
SELECT EXISTS (SELECT FROM erased) AS erased
"""

CONVERSATIONS = """
SELECT id, title, created_at, updated_at FROM conversation
WHERE owner = %(owner)s AND updated_at < coalesce(%(before)s::timestamptz, 'infinity')
ORDER BY updated_at DESC LIMIT %(limit)s
"""

CONVERSATION = """
SELECT c.id, c.title, c.created_at, c.updated_at, (
    SELECT jsonb_agg(to_jsonb(newest) - 'id' ORDER BY newest.id) FROM (
        SELECT m.id, m.turn_id, m.created_at, m.message->>'type' AS type, m.message->'data' AS data, t.reply,
               t.state, t.state = 'running' AND t.lease_until < now() AS lapsed,
               (SELECT jsonb_build_object('rating', CASE rating WHEN 1 THEN 'up' ELSE 'down' END, 'comment', comment)
                FROM feedback WHERE turn_id = t.id AND owner = c.owner) AS feedback
        FROM (
            SELECT id, turn_id, message, created_at FROM chat_history
            WHERE session_id BETWEEN c.id AND c.id
            ORDER BY session_id DESC, id DESC LIMIT 2 * %(limit)s
        ) m LEFT JOIN turn t ON t.id = m.turn_id AND m.message->>'type' = 'human'
        WHERE m.turn_id IS NULL OR m.message->>'type' = 'human'
    ) newest
) AS messages
FROM conversation c WHERE c.id = %(conversation)s AND c.owner = %(owner)s
"""
