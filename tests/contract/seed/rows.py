"""All rows in the seed's order. A new endpoint is one more row of its chapter; a new chapter one more name here."""

from tests.contract.seed import applications, businesses, clusters, deployments, nodes, repository, users

ROWS = (
    users.ROWS + businesses.ROWS + clusters.ROWS + nodes.ROWS + repository.ROWS + applications.ROWS + deployments.ROWS
)
