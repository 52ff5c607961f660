"""The portal's tests are about the portal: here everybody may upload, unless a test says otherwise."""
import pytest


@pytest.fixture(autouse=True)
def everybody_may_upload(api):
    assert api.change_settings(public_upload=True).status_code == 200
