"""What can go wrong with tenants."""

from appliance.kernel.errors import Conflict, Invalid, NotFound


class TenantMissing(NotFound):
    code = "tenants.missing"
    message = "There is no tenant {tenant_id}."


class NoTenant(NotFound):
    code = "tenants.none"
    message = "No organisation has been set up yet."
    hint = "Run: hangjegyzet db init"


class TenantNameTaken(Conflict):
    code = "tenants.name_taken"
    message = "There is an organisation called {name} already."
    hint = "Choose another name."


class TenantNameBlank(Invalid):
    code = "tenants.name_blank"
    message = "An organisation needs a name."
