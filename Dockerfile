# How it is built and run: docs/guides/container.md. BASE is any image with Python 3.11 or later, venv and pip.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
# Extras, between commas: "parquet,warc".
ARG EXTRAS=""
WORKDIR /src
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY scraper scraper
# The image needs no pip: the one of the base installs into the folder that is copied.
RUN python3 -m venv --without-pip /opt/scraper \
    && python3 -m pip --python /opt/scraper/bin/python install --no-cache-dir --disable-pip-version-check \
        --constraint constraints.txt ".${EXTRAS:+[${EXTRAS}]}"

FROM ${BASE}
# A number that no base has, and that stays: volumes belong to it. Others (--user) can go in, too.
RUN useradd --create-home --uid 10001 scraper && chmod 755 /home/scraper
COPY --from=build /opt/scraper /opt/scraper
ENV PATH=/opt/scraper/bin:$PATH
# As a number, so that a platform can see that it is not root.
USER 10001
WORKDIR /home/scraper
# Made here, so that a new volume belongs to the user and not to root.
RUN mkdir output
VOLUME /home/scraper/output
HEALTHCHECK --interval=60s --timeout=30s --start-period=30s \
    CMD ["scraper", "schedule", "health", "--config", "/etc/scraper/jobs.toml"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["scraper"]
CMD ["schedule", "run", "--config", "/etc/scraper/jobs.toml"]
