# The image of the Action and of the command line.
#
# The base is named by tag: its digest could not be looked up where this file was written. A release should set
# BASE=python:3.12-slim@sha256:… . Any Debian with Python 3.11 or newer and its venv module will do.
ARG BASE=python:3.12-slim

# Wheels only and hashes throughout, so nothing is compiled and nothing is trusted unseen.
FROM ${BASE} AS build
WORKDIR /build
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python3 -m venv /build/venv && python3 -m venv --without-pip /opt/gl2gh-batch \
    && /build/venv/bin/pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r requirements/build.txt \
    && /build/venv/bin/pip --python /opt/gl2gh-batch/bin/python install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /build/venv/bin/pip wheel --no-cache-dir --disable-pip-version-check \
        --no-deps --no-build-isolation --wheel-dir dist . \
    && /build/venv/bin/pip --python /opt/gl2gh-batch/bin/python install --no-cache-dir --disable-pip-version-check \
        --no-deps --no-index dist/*.whl

FROM ${BASE}
# Debian keeps only the newest build of a package, so a pinned version would break the image on every update.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git git-lfs \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/gl2gh-batch /opt/gl2gh-batch
# Without a fixed threshold glibc keeps what large pages took once; verify then grows with the project.
ENV PATH=/opt/gl2gh-batch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MALLOC_MMAP_THRESHOLD_=65536
# No USER: GitHub requires actions to run as root, as the workspace belongs to the runner's user and could not be
# written otherwise. Which folders git may trust is given to git per process by the program, not configured here.
ENTRYPOINT ["gl2gh-batch"]
CMD ["action"]
