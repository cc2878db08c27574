"""Values of the fleet engine. Seconds unless the name says otherwise."""

from otestack.settings import env

# A cluster is observed this often when nothing happens; green needs an observation younger than three of these.
OTE_OBSERVE_INTERVAL = env.number("OTE_OBSERVE_INTERVAL", 30, least=0.1)

# How long a change may take to come up on the clusters that took it, before it is called failed.
OTE_PROGRESS_DEADLINE = env.number("OTE_PROGRESS_DEADLINE", 600, least=1)

# A claimed cluster belongs to one worker this long; after a worker's death it waits at most this long.
OTE_LEASE_SECONDS = env.number("OTE_LEASE_SECONDS", 45, least=2)

# One pass over a cluster ends by then, so that no request of ours outlives the lease.
OTE_PASS_SECONDS = env.number("OTE_PASS_SECONDS", 30, least=1)

# One request to an edge; connecting gets half of it.
OTE_REQUEST_SECONDS = env.number("OTE_REQUEST_SECONDS", 10, least=0.1)

# A drive claims again and again for at most this long, then leaves the worker to the next message.
OTE_WINDOW_SECONDS = env.number("OTE_WINDOW_SECONDS", 60, least=1)

# Clusters that one process works on at the same time. Each costs about 50 KB while its connection is open; 130 KB after
# an answer of 30 KB, up to 800 KB after one of 300 KB and more: buffers of TLS stay as large as they were needed once.
OTE_CONCURRENCY = env.whole("OTE_CONCURRENCY", 200, least=1)

# Connections idle this long are closed.
OTE_IDLE_SECONDS = env.number("OTE_IDLE_SECONDS", 60, least=1)

# Retries after an error wait base x 2^attempts, at most the cap, with full jitter.
OTE_RETRY_BASE = env.number("OTE_RETRY_BASE", 1, least=0.01)
OTE_RETRY_CAP = env.number("OTE_RETRY_CAP", 300, least=0.1)

# Applied again although nothing looks changed, about this often: mends what a list cannot show.
OTE_REAPPLY_SECONDS = env.number("OTE_REAPPLY_SECONDS", 3600, least=1)

# All allowed kinds are listed about this often, not only those that the cluster should hold.
OTE_FULL_LIST_SECONDS = env.number("OTE_FULL_LIST_SECONDS", 3600, least=1)

# Beat looks for due work this often; a lost message costs at most this.
OTE_SWEEP_SECONDS = env.number("OTE_SWEEP_SECONDS", 1, least=0.1)

# Limits of what one edge may send us. Bytes of one answer, objects of one list.
OTE_ANSWER_BYTES = env.whole("OTE_ANSWER_BYTES", 32 * 1024 * 1024, least=1024)
OTE_LIST_OBJECTS = env.whole("OTE_LIST_OBJECTS", 50_000, least=1)
OTE_PAGE_OBJECTS = env.whole("OTE_PAGE_OBJECTS", 500, least=1)
