"""The pages of the SMART app: review, complete the case, the decision of the MDT, its summary."""
