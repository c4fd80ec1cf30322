"""HealthChain from PyPI, as its documentation starts it, with a constant card (run in an environment of its own)."""

from healthchain.gateway import CDSHooksService, HealthChainAPI
from healthchain.models import CDSRequest, CDSResponse

cds = CDSHooksService()


@cds.hook("patient-view", id="crlm-patient-view")
def constant(request: CDSRequest) -> CDSResponse:
    """Answer a constant card."""
    return CDSResponse(cards=[{"summary": request.hook, "indicator": "info", "source": {"label": "peer"}}])


app = HealthChainAPI()
app.register_service(cds)
