-- reserve: take the next job and record who has it, in one step.
--
--   KEYS[1]      worker:<id>         STRING   written: the reservation
--   KEYS[2]      workers:lease       HASH     read: is the worker registered?
--   KEYS[3]      pause-all-workers   STRING   read: 'true', in any case, pauses everybody
--   KEYS[4]      queues:paused       HASH     read: names of paused queues
--   KEYS[5..n]   queue:<name>        LIST     removed from its head, in priority order
--
--   ARGV[1]      worker id
--   ARGV[2]      the record's head after the queue's name; bears the caller's token
--   ARGV[3]      now, whole unix seconds
--   ARGV[4]      seconds the status of a running job lives
--   ARGV[5]      prefix of the status keys: the id is known only from the payload
--   ARGV[6]      where the name begins in the key of a queue
--   ARGV[7..n]   queue names as JSON strings, in the order of KEYS[5..n]
--
--   returns      what _take returns
--   errors       WRONGTYPE   a key that is only read is of another type; nothing was written
--
-- A job is therefore always in a queue or in a reservation, never in neither.
-- Payloads are spliced as text, never through cjson: cjson turns [] into {}
-- and rounds integers past 2^53.

-- include: _status
-- include: _record
-- include: _begin
-- include: _take

local hindered, some_paused = hindrance(KEYS[2], KEYS[3], KEYS[4], ARGV[1])

local held = redis.call('GET', KEYS[1])
begin(KEYS[2])

return take(held, KEYS[1], hindered, some_paused, KEYS[4], ARGV[2], ARGV[3], ARGV[4], ARGV[5],
  ARGV[6], 5, 7)
