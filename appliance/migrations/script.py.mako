"""${message}.

Locks: none worth naming. Duration: under a second.
"""

import sqlalchemy as sa
from alembic import op

from appliance.migrations.rls import grant, protect

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
