# Laws are checked on the same examples in every run, however busy the machine is: a test that fails now and then is
# not read any more. To search for new examples: pytest --hypothesis-profile=search
from hypothesis import settings

settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=2000)
settings.load_profile("same")
