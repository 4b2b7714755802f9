# The image of the Action and of the command line.
#
# The base is named by tag: its digest could not be looked up where this file was written. A release builds from
# BASE=python:3.12-slim@sha256:…, which .github/workflows/release.yml looks up and writes into the attestation.
# Any Debian with Python 3.11 or newer and its venv module will do (tools/image.py makes one where no registry is).
ARG BASE=python:3.12-slim

# Wheels only and hashes throughout, so nothing is compiled and nothing is trusted unseen.
FROM ${BASE} AS build
WORKDIR /build
COPY requirements/build.txt requirements/runtime.txt requirements/
# --no-compile: the byte code is made below, without the time of the build in it.
RUN python3 -m venv /build/venv && python3 -m venv --without-pip /opt/gl2gh-batch \
    && /build/venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-compile \
        --require-hashes --only-binary :all: -r requirements/build.txt \
    && /build/venv/bin/pip --python /opt/gl2gh-batch/bin/python install --no-cache-dir --disable-pip-version-check \
        --no-compile --require-hashes --only-binary :all: -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN SOURCE_DATE_EPOCH=315532800 /build/venv/bin/pip wheel --no-cache-dir --disable-pip-version-check \
        --no-deps --no-build-isolation --wheel-dir dist . \
    && /build/venv/bin/pip --python /opt/gl2gh-batch/bin/python install --no-cache-dir --disable-pip-version-check \
        --no-compile --no-deps --no-index dist/*.whl \
    && rm -rf /opt/gl2gh-batch/lib/python3*/site-packages/tests \
    && PYTHONHASHSEED=0 /opt/gl2gh-batch/bin/python -m compileall -q -f --invalidation-mode unchecked-hash \
        /opt/gl2gh-batch/lib

FROM ${BASE}
# Debian keeps only the newest build of a package, so a pinned version would break the image on every update.
# Lists, caches and logs go again: they are large, and differ from build to build, as does the order of git-lfs's
# entries in the system's configuration, which git is told not to read.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git git-lfs \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache \
        /var/lib/dpkg/*-old /var/log/* /usr/share/doc/* /usr/share/man/* /etc/gitconfig
COPY --from=build /opt/gl2gh-batch /opt/gl2gh-batch
# Without a fixed threshold glibc keeps what large pages took once; verify then grows with the project.
ENV PATH=/opt/gl2gh-batch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_MMAP_THRESHOLD_=65536
# No USER: GitHub requires actions to start as root, as the workspace belongs to the runner's user and could not be
# written otherwise. The program becomes that user before it looks at anything (src/gl2gh_batch/interfaces/privileges.py).
# Which folders git may trust is given to git per process, not configured here.
ENTRYPOINT ["gl2gh-batch"]
CMD ["action"]
