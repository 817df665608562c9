# Two stages: build the environment, then carry only it. The image runs any role: `wanjia run` by default.
FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/wanjia && /opt/wanjia/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE wanjia.py ./
COPY config config
COPY protocols protocols
COPY storage storage
COPY collector collector
COPY alerts alerts
COPY api api
RUN /opt/wanjia/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN useradd --system --create-home --home-dir /var/lib/wanjia wanjia
COPY --from=build /opt/wanjia /opt/wanjia
ENV PATH=/opt/wanjia/bin:$PATH WANJIA_HOME=/var/lib/wanjia WANJIA_HTTP=0.0.0.0:8000
USER wanjia
WORKDIR /var/lib/wanjia
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["wanjia", "run"]
