"""CDS Hooks service for the order of operations in colorectal cancer with liver metastases."""

__version__ = "0.1.0"
