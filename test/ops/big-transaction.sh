#!/usr/bin/env bash
# One transaction of the shop with a million rows (250,000 orders are placed at once, cancelled at once, and their
# tables emptied): taken in by a process of its own with bounded memory, visible whole or not at all. Takes some
# twenty minutes. Usage: big-transaction.sh [ORDERS]
set -euo pipefail
cd "$(dirname "$0")/../.."
REINSTATE_LARGE_ORDERS=${1:-250000} npm test -- --selectProjects=medium --testPathPatterns 'medium/replication-large\.spec'
